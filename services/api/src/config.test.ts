import { generateKeyPairSync } from 'node:crypto'
import { SettingsError } from '@roomlog/service-kit'
import { describe, expect, test } from 'vitest'
import { parseConfig } from './config.ts'

function newKey(kid: string) {
  const { d, ...jwk } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return { d, jwk: { ...jwk, kid } }
}

const { d, jwk } = newKey('one')
const other = newKey('two')
const DATABASE_URL = 'postgres://user:canary@localhost/chat'
const NEEDED = {
  DATABASE_URL,
  JWT_PRIVATE_KEY: JSON.stringify({ ...jwk, d }),
  JWT_PUBLIC_KEYS: JSON.stringify([jwk]),
}

function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    parseConfig(env)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
}

const namesOf = (problems: readonly string[]) =>
  [...new Set(problems.map((p) => p.split(/[:.]/)[0]))].toSorted()

describe('settings of the api', () => {
  test('need no more than a database and keys', () => {
    const config = parseConfig(NEEDED)
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      trustProxy: false,
      corsOrigins: [],
      database: { url: DATABASE_URL, role: undefined },
      live: { engine: 'embedded', namespace: '', redisUrl: undefined },
      tokens: { accessTtlS: 900, refreshTtlS: 30 * 24 * 3600 },
      perMinute: { registrations: 20, logins: 60, accountLogins: 10 },
      clients: { wsUrls: [], limits: { maxBody: 4000, maxRoomsPerSocket: 500 } },
    })
    expect(Object.isFrozen(config) && Object.isFrozen(config.tokens)).toBe(true)
  })

  test('are refused with all problems at once, by name and without a value', () => {
    const bad = {
      JWT_PRIVATE_KEY: JSON.stringify({ ...jwk, d: 'canary' }),
      JWT_PUBLIC_KEYS: '["canary"]',
      DATABASE_URL: 'mysql://canary',
      PORT: 'canary',
      ACCESS_TOKEN_TTL: '901',
      REFRESH_TOKEN_TTL: '1',
      CORS_ORIGINS: '*',
      PUBLIC_WS_URLS: 'http://canary',
      TRUST_PROXY: 'canary',
      REGISTRATIONS_PER_MINUTE: '0',
      MAX_BODY: '4001',
    }
    const problems = problemsOf({ ...bad, ENGINE: 'full' })
    expect(namesOf(problems)).toEqual([...Object.keys(bad), 'REDIS_URL'].toSorted())
    expect(problems.join()).not.toMatch(/canary/)
  })

  test('name what is missing', () => {
    expect(namesOf(problemsOf({}))).toEqual(['DATABASE_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS'])
  })

  describe('want the own key among those believed', () => {
    const message = 'JWT_PUBLIC_KEYS: must hold the public key of JWT_PRIVATE_KEY'

    test('by its id', () => {
      expect(problemsOf({ ...NEEDED, JWT_PUBLIC_KEYS: JSON.stringify([other.jwk]) })).toEqual([message])
    })

    test('and not only by its id', () => {
      const namesake = JSON.stringify([{ ...other.jwk, kid: jwk.kid }])
      expect(problemsOf({ ...NEEDED, JWT_PUBLIC_KEYS: namesake })).toEqual([message])
    })

    test('which is said beside other problems', () => {
      const env = { ...NEEDED, JWT_PUBLIC_KEYS: JSON.stringify([other.jwk]), DATABASE_URL: '', PORT: '-1' }
      expect(namesOf(problemsOf(env))).toEqual(['DATABASE_URL', 'JWT_PUBLIC_KEYS', 'PORT'])
    })

    test('and may believe others besides, as in a rotation', () => {
      expect(problemsOf({ ...NEEDED, JWT_PUBLIC_KEYS: JSON.stringify([other.jwk, jwk]) })).toEqual([])
    })
  })

  test.each([
    ['ws://localhost:3001/ws', ['ws://localhost:3001/ws']],
    ['wss://a.example/ws, wss://b.example/ws', ['wss://a.example/ws', 'wss://b.example/ws']],
  ])('tell clients of the edges at %s', (text, wsUrls) => {
    expect(parseConfig({ ...NEEDED, PUBLIC_WS_URLS: text }).clients.wsUrls).toEqual(wsUrls)
  })
})
