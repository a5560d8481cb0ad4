import { z } from 'zod'
import { settings as topicSettings } from '../topic-settings.ts'
import { SERVICE_SETTINGS } from './services.ts'
import { STARTER_SETTINGS } from './settings.ts'

type Schemas = Readonly<Record<string, z.ZodType>>

/** The settings that the same processes read. */
export interface SettingSection {
  readonly title: string
  readonly entries: readonly SettingEntry[]
}

export interface SettingEntry {
  readonly name: string
  readonly description: string
  /** Absent: it must be set; empty: it may be left out. */
  readonly fallback?: string
}

/** Every setting once, as its schema says; what most processes need comes first. */
export function settingSections(): readonly SettingSection[] {
  const services = Object.entries<Schemas>(SERVICE_SETTINGS)
  const owners = new Map<string, readonly string[]>()
  for (const [service, settings] of services) {
    for (const name of Object.keys(settings)) owners.set(name, [...(owners.get(name) ?? []), service])
  }
  const isOf = (group: readonly string[]) => (name: string) => owners.get(name)?.join() === group.join()
  const ofServices = [...new Map([...owners.values()].map((group) => [group.join(), group])).values()]
    .sort((a, b) => b.length - a.length)
    .map((group) => {
      const readers = services.filter(([service]) => group.includes(service))
      return {
        title: group.length === services.length ? 'every service' : group.join(' and '),
        entries: [...owners.keys()].filter(isOf(group)).map((name) => entry(name, readers)),
      }
    })
  const topics = Object.keys(topicSettings).filter((name) => !owners.has(name))
  return [
    ...ofServices,
    { title: 'npm run topics', entries: topics.map((name) => entry(name, [['topics', topicSettings]])) },
    {
      title: 'npm start',
      entries: Object.entries(STARTER_SETTINGS).map(([name, setting]) => ({ name, ...setting })),
    },
  ]
}

function entry(name: string, readers: readonly (readonly [string, Schemas])[]): SettingEntry {
  const [first, ...others] = readers.map(([service, settings]) => ({ service, ...read(settings[name]) }))
  if (first === undefined) throw new Error(`nobody reads ${name}`)
  const { service: _, ...said } = first
  if (others.every(({ fallback }) => fallback === first.fallback)) return { name, ...said }
  const each = [first, ...others].map(({ service, fallback }) => `${service} ${fallback}`).join(', ')
  return { name, ...said, description: sentence(said.description, `default: ${each}`) }
}

function read(schema: z.ZodType | undefined): Omit<SettingEntry, 'name'> {
  const said = schema?.description ?? ''
  const values = choices(schema).filter((value) => !said.includes(value))
  const description = sentence(said, values.length === 0 ? '' : `one of ${values.join(', ')}`)
  const unset = schema?.safeParse(undefined)
  return unset?.success ? { description, fallback: text(unset.data) } : { description }
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
