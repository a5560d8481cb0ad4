import { describe, expect, test } from 'vitest'
import { readSettings } from './settings.ts'

const read = (env: Readonly<Record<string, string>>) => readSettings(env, '/checkout')
const FULL = { ENGINE: 'full', DATABASE_URL: 'a', KAFKA_BROKERS: 'b', REDIS_URL: 'c' }

describe('settings of npm start', () => {
  test('are all optional', () => {
    expect(read({})).toEqual({
      engine: 'embedded',
      dataFolder: '/checkout/.roomlog',
      host: '127.0.0.1',
      apiPort: 3000,
      edgePorts: [3001],
      persisterPorts: [3100],
      pagePort: 5173,
      databaseUrl: undefined,
      env: {},
    })
  })

  test('count ports up from the first', () => {
    const { edgePorts, persisterPorts } = read({ EDGES: '3', PERSISTERS: '2', PERSISTER_PORT: '5000' })
    expect([edgePorts, persisterPorts]).toEqual([
      [3001, 3002, 3003],
      [5000, 5001],
    ])
  })

  test('take an empty variable for an unset one', () => {
    expect(read({ API_PORT: '', DATABASE_URL: '', ROOMLOG_DATA: '' })).toEqual(read({}))
  })

  test('put a relative data folder below the checkout', () => {
    expect(read({ ROOMLOG_DATA: 'here' }).dataFolder).toBe('/checkout/here')
    expect(read({ ROOMLOG_DATA: '/there' }).dataFolder).toBe('/there')
  })

  test('take the full engine with its three servers', () => {
    expect(read(FULL)).toMatchObject({ engine: 'full', databaseUrl: 'a' })
  })

  test.each([
    [{ API_PORT: '0' }, 'API_PORT must be a whole number of 1 to 65535'],
    [{ PAGE_PORT: '70000' }, 'PAGE_PORT must be a whole number of 1 to 65535'],
    [{ API_PORT: '3000x' }, 'API_PORT'],
    [{ EDGE_PORT: '65535', EDGES: '2' }, 'EDGE_PORT must be a whole number of 1 to 65534'],
    [{ EDGES: '17' }, 'EDGES must be a whole number of 1 to 16'],
    [{ ENGINE: 'fast' }, 'ENGINE must be embedded or full'],
    [{ JWT_PUBLIC_KEYS: '[]' }, 'JWT_PRIVATE_KEY and JWT_PUBLIC_KEYS must be set together'],
    [{ EDGE_PORT: '3000' }, 'port 3000 is given twice'],
    [{ EDGES: '16', EDGE_PORT: '3090' }, 'port 3100 is given twice'],
    [{ ...FULL, REDIS_URL: '' }, 'REDIS_URL is required with ENGINE=full'],
  ])('refuse %o', (env, problem) => {
    expect(() => read(env)).toThrow(problem)
  })

  test('tell all problems at once', () => {
    const all = () => read({ ENGINE: 'full', EDGES: '0' })
    for (const name of ['DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL', 'EDGES']) expect(all).toThrow(name)
  })
})
