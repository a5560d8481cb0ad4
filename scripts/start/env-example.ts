import { z } from 'zod'
import { settings as topicSettings } from '../topic-settings.ts'
import { SERVICE_SETTINGS } from './services.ts'
import { STARTER_SETTINGS } from './settings.ts'

type Schemas = Readonly<Record<string, z.ZodType>>

/** What stands for a value that only the reader knows. No service accepts one. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  DATABASE_URL: '<postgres://user:password@host:5432/name>',
  JWT_PRIVATE_KEY: '<npm run keys>',
  JWT_PUBLIC_KEYS: '<npm run keys>',
}

const HEAD = `# Every setting of Roomlog. Made by \`npm run env-example\`, do not edit.
#
# npm start needs none of them: it chooses ports, database, keys and roles for its services, and passes on to each what is
# set in its environment and the service knows. A service run alone reads its environment, and no file unless told so:
#   node --env-file=.env services/api/src/main.ts
# What has a default or may be left out is a comment here. <…> must be replaced; no service starts with it.`

/** The text of `.env.example`. */
export function envExample(): string {
  const services = Object.entries<Schemas>(SERVICE_SETTINGS)
  const owners = new Map<string, readonly string[]>()
  for (const [service, settings] of services) {
    for (const name of Object.keys(settings)) owners.set(name, [...(owners.get(name) ?? []), service])
  }
  const isOf = (group: readonly string[]) => (name: string) => owners.get(name)?.join() === group.join()
  const groups = [...new Map([...owners.values()].map((group) => [group.join(), group])).values()]
    // What most need comes first.
    .sort((a, b) => b.length - a.length)
    .map((group) => {
      const names = [...owners.keys()].filter(isOf(group))
      const title = group.length === services.length ? 'every service' : group.join(' and ')
      return section(
        title,
        names.map((name) =>
          entry(
            name,
            services.filter(([service]) => group.includes(service)),
          ),
        ),
      )
    })
  const topics = Object.keys(topicSettings).filter((name) => !owners.has(name))
  const sections = [
    ...groups,
    section(
      'npm run topics',
      topics.map((name) => entry(name, [['topics', topicSettings]])),
    ),
    section(
      'npm start',
      Object.entries(STARTER_SETTINGS).map(([name, setting]) => lines(name, setting)),
    ),
  ]
  return `${[HEAD, ...sections].join('\n\n')}\n`
}

interface Entry {
  readonly description: string
  /** Absent: it must be set; empty: it may be left out. */
  readonly fallback?: string
}

function entry(name: string, services: readonly (readonly [string, Schemas])[]): string {
  const [first, ...others] = services.map(([service, settings]) => ({ service, ...read(settings[name]) }))
  if (first === undefined) return ''
  if (others.every(({ fallback }) => fallback === first.fallback)) return lines(name, first)
  const each = [first, ...others].map(({ service, fallback }) => `${service} ${fallback}`).join(', ')
  return lines(name, { ...first, description: sentence(first.description, `default: ${each}`) })
}

function read(schema: z.ZodType | undefined): Entry {
  const said = schema?.description ?? ''
  const values = choices(schema).filter((value) => !said.includes(value))
  const description = sentence(said, values.length === 0 ? '' : `one of ${values.join(', ')}`)
  const unset = schema?.safeParse(undefined)
  return unset?.success ? { description, fallback: text(unset.data) } : { description }
}

function lines(name: string, { description, fallback }: Entry): string {
  const value =
    fallback === undefined ? `${name}=${PLACEHOLDERS[name] ?? '<required>'}` : `#${name}=${fallback}`
  return description === '' ? value : `# ${description}\n${value}`
}

function section(title: string, entries: readonly string[]): string {
  return `# --- ${title} ${'-'.repeat(72 - title.length)}\n\n${entries.join('\n\n')}`
}

function sentence(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ')
}

/** The values that a schema lists. */
function choices(schema: unknown): readonly string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return choices(schema.unwrap())
  if (schema instanceof z.ZodPipe) return choices(schema.in)
  return schema instanceof z.ZodEnum ? schema.options.map(String) : []
}

/** The value as it would be written in an environment. */
function text(value: unknown): string {
  return Array.isArray(value) ? value.join() : String(value ?? '')
}
