import { parseConfig as parseApi } from '@roomlog/api/config'
import { parseConfig as parsePersister } from '@roomlog/persister/config'
import { SettingsError } from '@roomlog/service-kit'
import { FUZZ_RUNS, FUZZ_TIMEOUT_MS, modelRuns } from '@roomlog/testkit/model-runs'
import { inheritedNames, ODD_KEYS, ODD_LENGTH_TEXT, ODD_TEXT } from '@roomlog/testkit/odd-values'
import { parseConfig as parseEdge } from '@roomlog/ws-edge/config'
import { type Arbitrary, array, assert as check, constantFrom, nat, oneof, property, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { makeKeys } from './keys.ts'
import { SERVICE_SETTINGS } from './services.ts'

const PARSERS = { api: parseApi, 'ws-edge': parseEdge, persister: parsePersister } as const
const runs = modelRuns(FUZZ_RUNS)
const CANARY = 'canary-7f3a'
const KEYS = makeKeys()
const NEEDED = { ...KEYS, DATABASE_URL: `postgres://user:${CANARY}@localhost/chat`, PORT: '3000' }

/** Some that one or the other takes, to be taken or damaged. */
const KNOWN = [
  ...[
    'full',
    'embedded',
    'production',
    'debug',
    'true',
    'false',
    '127.0.0.1',
    '::1',
    '10.0.0.0/8',
    'localhost',
    'mid_drain:3',
  ],
  ...[
    'https://chat.example.org',
    'http://[::1]:3000',
    'ws://localhost:3001/ws',
    'a:9092,b:9092',
    'redis://localhost',
    'plain',
  ],
  ...[
    '1',
    '10',
    '900',
    '1000',
    '0.5',
    'edge-1',
    'roomlog_api',
    'a=b',
    'traceidratio',
    ...Object.values(KEYS),
  ],
]
const known = constantFrom(...KNOWN)
const value: Arbitrary<string> = oneof(
  { weight: 3, arbitrary: known },
  ODD_TEXT,
  ODD_LENGTH_TEXT,
  tuple(known, nat(), ODD_TEXT).map(
    ([text, at, odd]) => text.slice(0, at % text.length) + odd + text.slice(at % text.length),
  ),
  tuple(known, known).map((two) => two.join(',')),
  oneof(known, ODD_TEXT).map((text) => text + CANARY),
)

test.each(Object.entries(PARSERS))(
  `the settings of %s are taken or refused by name, whatever they are: ${runs.numRuns} environments`,
  (service, parse) => {
    const names = Object.keys(SERVICE_SETTINGS[service as keyof typeof PARSERS])
    const before = inheritedNames()
    const outcomes = new Set<string>()
    const name = oneof({ weight: 9, arbitrary: constantFrom(...names) }, constantFrom(...ODD_KEYS))
    const changes = array(tuple(name, value), { minLength: 1, maxLength: 4 })
    const judged = property(changes, (changed) => {
      const env = Object.fromEntries([...Object.entries(NEEDED), ...changed])
      const outcome = outcomeOf(() => parse(env))
      outcomes.add(typeof outcome)
      if (typeof outcome !== 'string') judge(outcome as Config)
      else
        for (const line of outcome.split('\n').slice(1))
          expect(names).toContain(/^ {2}([A-Z_]+)[.:]/.exec(line)?.[1])
      if (typeof outcome === 'string') expect(outcome).not.toContain(CANARY)
      expect(outcomeOf(() => parse(env))).toEqual(outcome)
    })
    void check(judged, runs)
    expect(inheritedNames()).toEqual(before)
    expect(outcomes.size).toBe(2)
  },
  FUZZ_TIMEOUT_MS,
)

/** The message of a refusal. */
function outcomeOf(parse: () => object): object | string {
  try {
    return parse()
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
}

interface Config {
  readonly host: string
  readonly port: number
  readonly trustProxy?: boolean | readonly string[]
  readonly corsOrigins?: readonly string[]
  readonly allowedOrigins?: readonly string[]
  readonly database: { readonly url: string }
  readonly tokens?: { readonly accessTtlS: number; readonly publicKeys: readonly object[] }
  readonly publicKeys?: readonly object[]
  readonly eventLog?: { readonly engine: string; readonly kafka?: { readonly brokers: readonly string[] } }
}

/** What no service may run with. */
function judge(config: Config): void {
  expect(Object.isFrozen(config)).toBe(true)
  expect(config.port).toBeLessThan(65_536)
  expect(config.database.url).toMatch(/^postgres(ql)?:\/\//)
  for (const origin of [...(config.corsOrigins ?? []), ...(config.allowedOrigins ?? [])]) {
    expect(new URL(origin).origin).toBe(origin)
  }
  if (Array.isArray(config.trustProxy)) for (const it of config.trustProxy) expect(it).not.toMatch(/\/0$/)
  expect(config.tokens?.accessTtlS ?? 900).toBeLessThanOrEqual(900)
  const believed = config.publicKeys ?? config.tokens?.publicKeys
  if (believed !== undefined) expect(JSON.stringify(believed)).not.toMatch(/"d"|PRIVATE/)
  if (config.eventLog?.engine === 'full') expect(config.eventLog.kafka?.brokers.length).toBeGreaterThan(0)
}
