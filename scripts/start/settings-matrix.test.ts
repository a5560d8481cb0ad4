import { parseConfig as parseApi } from '@roomlog/api/config'
import { parseConfig as parsePersister } from '@roomlog/persister/config'
import { SettingsError } from '@roomlog/service-kit'
import { parseConfig as parseEdge } from '@roomlog/ws-edge/config'
import { describe, expect, test } from 'vitest'
import { makeKeys } from './keys.ts'
import { SERVICE_SETTINGS } from './services.ts'

type Env = Readonly<Record<string, string>>
type Service = keyof typeof SERVICE_SETTINGS
type Name = { [S in Service]: keyof (typeof SERVICE_SETTINGS)[S] }[Service]

const PARSERS = { api: parseApi, 'ws-edge': parseEdge, persister: parsePersister } as const
const SERVICES = Object.keys(PARSERS) as Service[]
const KEYS = makeKeys()
const [PUBLIC] = JSON.parse(KEYS.JWT_PUBLIC_KEYS)
/** Any will do: they are asked for where there is a mechanism, be it a wrong one. */
const LOGIN: Env = { KAFKA_SASL_USERNAME: 'user', KAFKA_SASL_PASSWORD: 'word' }
const NEEDED: Env = {
  ...LOGIN,
  ...KEYS,
  DATABASE_URL: 'postgres://user:password@localhost/chat',
  PORT: '3000',
}

const NO_NUMBERS = [
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '+1',
  ' 1',
  '1 ',
  'ten',
  '１',
  'NaN',
  '9'.repeat(16),
  '<number>',
]
const numbers = (min: number, max: number) => [
  ...NO_NUMBERS,
  ...(min > 0 ? [`${min - 1}`] : []),
  `${max + 1}`,
]
const NO_ORIGINS = [
  '*',
  'null',
  'chat.example.com',
  'https://chat.example.org/',
  'https://*.example.org',
  'file:///',
]
const NO_PUBLIC_KEYS = [
  '<npm run keys>',
  'secret',
  '{}',
  '[]',
  'null',
  '[null]',
  JSON.stringify([{ ...PUBLIC, x: 'short' }]),
  JSON.stringify([{ ...PUBLIC, kid: '' }]),
  JSON.stringify([{ ...PUBLIC, kty: 'oct', k: 'c2VjcmV0' }]),
  JSON.stringify([{ ...PUBLIC, crv: 'Ed448' }]),
  JSON.stringify([PUBLIC, PUBLIC]),
  // Who only checks tokens must not be able to make them.
  `[${KEYS.JWT_PRIVATE_KEY}]`,
]

/** What each must not be; the first of each is what it is in the test of all at once. */
const BAD: Readonly<Record<Name, readonly string[]>> = {
  NODE_ENV: ['prod', 'Production', '<production>'],
  LOG_LEVEL: ['verbose', 'INFO', '3'],
  HOST: ['<address>', '0.0.0.0/0', 'http://localhost', 'a b', 'a,b'],
  ENGINE: ['fast', 'Full', 'kafka'],
  NAMESPACE: ['a b', 'a.b', 'a:b', 'é', 'x'.repeat(65)],
  DATABASE_URL: [
    '<postgres://user:password@host:5432/name>',
    'mysql://host',
    'localhost',
    'pg',
    'postgres:chat',
  ],
  DATABASE_ROLE: ['Role', 'a; DROP TABLE chat.users', '"role"', '1a', 'x'.repeat(64)],
  PARTITIONS: numbers(1, 1000),
  PORT: numbers(0, 65_535),
  REDIS_URL: ['http://host', 'localhost:6379', 'redis', 'redis:host', '<redis://host>'],
  MAX_BODY: numbers(1, 4000),
  MAX_FRAME_BYTES: numbers(1, 1024 * 1024),
  MAX_ROOMS_PER_SOCKET: numbers(1, 10_000),
  MAX_SOCKETS_PER_USER: numbers(1, 10_000),
  MAX_ROOMS_PER_JOIN: numbers(1, 1000),
  MAX_RESUME: numbers(1, 10_000),
  MAX_UNACKED: numbers(1, 1000),
  MESSAGES_PER_SECOND: numbers(1, 100_000),
  MESSAGE_BURST: numbers(1, 100_000),
  ROOM_MESSAGES_PER_SECOND: numbers(1, 100_000),
  FRAMES_PER_SECOND: numbers(1, 100_000),
  JWT_PUBLIC_KEYS: NO_PUBLIC_KEYS,
  JWT_PRIVATE_KEY: [
    ...NO_PUBLIC_KEYS,
    KEYS.JWT_PUBLIC_KEYS,
    JSON.stringify(PUBLIC),
    JSON.stringify({ ...PUBLIC, d: '' }),
  ],
  TRUST_PROXY: ['0.0.0.0/0', '::/0', '10.0.0.0/33', '1', 'yes', 'localhost', '*', ',', '10.0.0.1,everybody'],
  ACCESS_TOKEN_TTL: numbers(10, 900),
  REFRESH_TOKEN_TTL: numbers(60, 400 * 24 * 3600),
  CORS_ORIGINS: NO_ORIGINS,
  ALLOWED_ORIGINS: NO_ORIGINS,
  PUBLIC_WS_URLS: ['http://localhost/ws', 'localhost', 'ws:localhost'],
  REGISTRATIONS_PER_MINUTE: numbers(1, 1_000_000),
  LOGINS_PER_MINUTE: numbers(1, 1_000_000),
  ACCOUNT_LOGINS_PER_MINUTE: numbers(1, 1_000_000),
  HANDSHAKES_PER_SECOND: numbers(1, 1_000_000),
  HANDSHAKE_BURST: numbers(1, 1_000_000),
  EDGE_ID: ['an edge', 'a/b', 'é', 'x'.repeat(129), '<name>'],
  KAFKA_BROKERS: ['broker', ',', 'a:9092,b', 'kafka://a:9092', 'a:9092/', 'a:port', '<host:port>'],
  KAFKA_SSL: ['yes', '1', 'TRUE', 'on'],
  KAFKA_SASL_MECHANISM: ['md5', 'PLAIN', 'scram', 'none'],
  // Whatever a broker takes.
  KAFKA_SASL_USERNAME: [],
  KAFKA_SASL_PASSWORD: [],
  OTEL_EXPORTER_OTLP_ENDPOINT: ['localhost:4318', 'grpc://localhost:4317', 'http:localhost'],
  OTEL_EXPORTER_OTLP_HEADERS: ['authorization', '=x', 'a=b,', 'a=b,c'],
  OTEL_TRACES_SAMPLER: ['sometimes', 'parent', 'ALWAYS_ON'],
  OTEL_TRACES_SAMPLER_ARG: ['2', '-1', '1.1', '.5', '1e-3', 'half'],
  CRASH_AT: ['before_lunch', 'before_publish:0', 'before_publish:-1', 'before_publish:1:1', 'constructor'],
}

function problemsOf(service: Service, env: Env): readonly string[] {
  try {
    PARSERS[service](env)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
}

const namesOf = (problems: readonly string[]) =>
  [...new Set(problems.map((it) => it.split(/[:.]/)[0] ?? ''))].toSorted()
const settingsOf = (service: Service) => Object.keys(SERVICE_SETTINGS[service]) as Name[]
const rows = SERVICES.flatMap((service) =>
  settingsOf(service).flatMap((name) => BAD[name].map((value) => [service, name, value] as const)),
)

describe('a setting that is malformed or dangerous is refused by its name, and not repeated', () => {
  test.each(rows)('%s: %s=%s', (service, name, value) => {
    const problems = problemsOf(service, { ...NEEDED, [name]: value })
    expect(namesOf(problems)).toEqual([name])
    if (value.length > 6) expect(problems.join()).not.toContain(value)
  })
})

describe.each(SERVICES)('%s', (service) => {
  test('takes what all of those are changed from', () => {
    expect(problemsOf(service, NEEDED)).toEqual([])
  })

  test('tells all problems at once', () => {
    const bad = settingsOf(service).flatMap((name) =>
      BAD[name].slice(0, 1).map((value) => [name, value] as const),
    )
    const problems = problemsOf(service, { ...LOGIN, ...Object.fromEntries(bad) })
    expect(namesOf(problems)).toEqual(bad.map(([name]) => name).toSorted())
  })

  test.each([
    ['embedded', ['DATABASE_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS']],
    ['full', ['DATABASE_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS', 'KAFKA_BROKERS', 'REDIS_URL']],
  ])('names all that is missing on the %s engine', (ENGINE, needed) => {
    const own: readonly string[] = settingsOf(service)
    const problems = problemsOf(service, { ENGINE })
    expect(namesOf(problems)).toEqual(needed.filter((name) => own.includes(name)))
    for (const problem of problems) expect(problem).toMatch(/: is required/)
  })

  test('does not end for a test in production', () => {
    const problems = problemsOf(service, { ...NEEDED, NODE_ENV: 'production', CRASH_AT: 'mid_drain' })
    expect(namesOf(problems)).toEqual(service === 'api' ? [] : ['CRASH_AT'])
  })
})
