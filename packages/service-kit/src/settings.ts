import { z } from 'zod'

/** All problems of a service's settings at once, by name; values are never repeated, they can be secrets. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`invalid settings:\n${problems.map((p) => `  ${p}`).join('\n')}`)
    this.problems = problems
  }
}

/** Reads settings from an environment. An empty variable is an unset one. Throws `SettingsError`. */
export function parseSettings<T>(schema: z.ZodType<T>, env: Readonly<Record<string, string | undefined>>): T {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  )
  const parsed = schema.safeParse(set)
  if (parsed.success) return deepFreeze(parsed.data)
  throw new SettingsError(
    parsed.error.issues.map(({ path, code, message }) => {
      const isMissing = code === 'invalid_type' && path.length === 1 && set[String(path[0])] === undefined
      return `${path.join('.') || 'settings'}: ${isMissing ? 'is required' : message}`
    }),
  )
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

/** A whole number of `min` to `max`, written in decimal digits. */
export function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^[0-9]{1,15}$/, `must be a whole number of ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
}

/** `a,b, c` → `['a','b','c']`. */
export const commaList = z.string().transform((list) =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
)

/** Origins as browsers send them, comma-separated: scheme, host and port, nothing behind. */
export const originList = commaList.refine(
  // An asterisk would stand for itself: no origin is like it.
  (origins) => origins.every((origin) => URL.parse(origin)?.origin === origin && !origin.includes('*')),
  'must be origins as browsers send them (https://chat.example.org), comma-separated',
)

/** A URL of one of these protocols (`'postgres:'`). */
export function urlOf(...protocols: readonly string[]) {
  return z.string().refine(
    (text) => {
      const url = URL.parse(text)
      return url !== null && protocols.includes(url.protocol) && text.startsWith(`${url.protocol}//`)
    },
    `must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  )
}

/** `true` or `false`. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]).refine((text) => !text.endsWith('/0'))
/** Whose `X-Forwarded-For` is believed. */
export const trustProxySetting = z
  .union([flag, commaList.pipe(z.array(proxy).min(1))], {
    error: 'must be true, false, or addresses and networks (10.0.0.0/8), comma-separated',
  })
  .default(false)
  .describe('Whose X-Forwarded-For is believed: false, true, or addresses and networks')

/** What every service takes. */
export const commonSettings = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('What the process is for'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('How much is logged'),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9:._-]{1,253}$/, 'must be an address or the name of a host')
    .default('127.0.0.1')
    .describe('Address to listen on; images use 0.0.0.0'),
  ENGINE: z
    .enum(['embedded', 'full'])
    .default('embedded')
    .describe('embedded: PostgreSQL alone; full: Kafka, PostgreSQL and Redis'),
  NAMESPACE: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be at most 64 of A-Z a-z 0-9 _ -')
    .or(z.literal(''))
    .default('')
    .describe('Keeps installations on shared servers apart'),
  DATABASE_URL: urlOf('postgres:', 'postgresql:').describe('PostgreSQL 15 or newer'),
  DATABASE_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be a plain role name')
    .optional()
    .describe('The role that sessions take; unset: the login itself, with a warning'),
  PARTITIONS: integer(1, 1000)
    .default(12)
    .describe('Partitions of every topic; the same everywhere, for ever'),
}

/** What services that use presence or signals take besides, on the full engine. */
export const redisSettings = {
  REDIS_URL: urlOf('redis:', 'rediss:').optional().describe('with ENGINE=full'),
}

/** A port with its default; 0 takes a free one. */
export function portSetting(fallback: number) {
  return integer(0, 65_535).default(fallback).describe('Port to listen on; 0: any free one')
}

/** For `superRefine`: what it reports is then reported beside other problems, not only when there are none. */
export const BESIDE_OTHERS = { when: () => true }

/** For `superRefine`: a process that people rely on does not end for a test. */
export function crashesOnlyInTests(
  { NODE_ENV, CRASH_AT }: { readonly NODE_ENV: string; readonly CRASH_AT?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (NODE_ENV !== 'production' || CRASH_AT === undefined) return
  context.addIssue({
    code: 'custom',
    path: ['CRASH_AT'],
    message: 'is for tests, and NODE_ENV is production',
  })
}

/** Reports each of `names` that the full engine needs and the settings lack. */
export function needsOnFullEngine(names: readonly string[]) {
  return (settings: Readonly<Record<string, unknown>>, context: z.RefinementCtx) => {
    if (settings.ENGINE !== 'full') return
    for (const name of names) {
      if (settings[name] === undefined) {
        context.addIssue({ code: 'custom', path: [name], message: 'is required with ENGINE=full' })
      }
    }
  }
}
