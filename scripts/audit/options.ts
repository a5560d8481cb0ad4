import { integer } from '@roomlog/service-kit'
import { z } from 'zod'
import { readTexts } from '../operator/arguments.ts'

export const USAGE = `npm run audit -- [options]

Compares the log with the database: is everything that was accepted stored (or dead-lettered), everything stored
published, every room 1, 2, 3 … without a hole, and every row one that somebody sent? It remembers how far it came, so
that a run costs what is new; the first begins with the oldest record of the log. A finding is told by every run until
it is gone.

  --older-than <seconds>  how long a message may be under way before it is judged (60)
  --since <time>          begin with what the log took then: 2026-01-31T12:00:00Z, or 90s, 30m, 12h, 7d ago
  --full                  everything that the log has, and every row of every room; takes its time
  --json                  one JSON object instead of the table
  --watch <seconds>       again and again, so long apart, until a signal
  --listen <[host:]port>  with --watch: the last counts for Prometheus at /metrics, and /livez and /readyz (127.0.0.1)
  --repair                append again what was lost, publish again what was not published, and look once more
  --accept                continue after what is found now: it is not told again

The servers come from the environment, as for npm run topics (ENGINE, DATABASE_URL, DATABASE_ROLE, KAFKA_BROKERS,
NAMESPACE, PARTITIONS …); where none is named, it is the Roomlog that npm start has started from this folder.
Exit code 0: clean. 1: something was found. 2: not everything could be looked at, or another audit was running.`

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
/** An IPv6 address stands in brackets. */
const ADDRESS = /^(?:\[?([^[\]]+)\]?:)?([0-9]{1,5})$/
const AGO = /^([0-9]{1,6})([smhd])$/

/** In UTC or with its offset: what else `Date` reads, it guesses, and 90 for a year. */
const isoTime = z.union([z.iso.datetime({ offset: true }), z.iso.date()])

const moment = z.string().transform((text, context) => {
  const [, count, unit] = AGO.exec(text) ?? []
  if (unit !== undefined)
    return new Date(Date.now() - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS])
  if (isoTime.safeParse(text).success) return new Date(text)
  context.addIssue({
    code: 'custom',
    message: 'must be a time (2026-01-31T12:00:00Z) or how long ago (30m, 12h, 7d)',
  })
  return z.NEVER
})

const address = z.string().transform((text, context) => {
  const [, host = '127.0.0.1', port] = ADDRESS.exec(text) ?? []
  if (port !== undefined && Number(port) < 65_536) return { host, port: Number(port) }
  context.addIssue({ code: 'custom', message: 'must be a port, or a host and a port (0.0.0.0:3300)' })
  return z.NEVER
})

const flag = z
  .string()
  .optional()
  .transform((text) => text !== undefined)

const SCHEMAS = {
  '--older-than': integer(0, 86_400).default(60),
  '--since': moment.optional(),
  '--watch': integer(1, 86_400).optional(),
  '--listen': address.optional(),
  '--full': flag,
  '--json': flag,
  '--repair': flag,
  '--accept': flag,
}

export const optionsSchema = z
  .object(SCHEMAS)
  .superRefine((given, context) => {
    const refuse = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message })
    if (given['--full'] && given['--since'] !== undefined) refuse('--since', 'does not go with --full')
    for (const once of ['--repair', '--accept'] as const) {
      if (given[once] && given['--watch'] !== undefined) refuse(once, 'is done once, not with --watch')
    }
    if (given['--listen'] !== undefined && given['--watch'] === undefined)
      refuse('--listen', 'goes with --watch only')
  })
  .transform((given) => ({
    olderThanMs: given['--older-than'] * 1000,
    since: given['--since'],
    watchMs: given['--watch'] === undefined ? undefined : given['--watch'] * 1000,
    listen: given['--listen'],
    full: given['--full'],
    json: given['--json'],
    repair: given['--repair'],
    accept: given['--accept'],
  }))

export type Options = Readonly<z.infer<typeof optionsSchema>>

export function readArguments(args: readonly string[]) {
  const types = Object.entries(SCHEMAS).map(([name, schema]) => {
    return [name.slice('--'.length), schema === flag ? 'boolean' : 'string'] as const
  })
  return readTexts(args, Object.fromEntries(types))
}
