import { parseConfig as parseApi } from '@roomlog/api/config'
import { parseConfig as parsePersister } from '@roomlog/persister/config'
import { parseConfig as parseEdge } from '@roomlog/ws-edge/config'
import { describe, expect, test } from 'vitest'
import { makeKeys } from './keys.ts'
import { SERVICE_SETTINGS, serviceTable } from './services.ts'
import { readSettings } from './settings.ts'

const databaseUrl = 'postgres://user:password@localhost:5432/name'
const prepared = { databaseUrl, roles: true, keys: makeKeys() }
const table = (env: Readonly<Record<string, string>>, roles = true) =>
  serviceTable('/checkout', readSettings(env, '/checkout'), { ...prepared, roles })
const find = (specs: ReturnType<typeof table>, name: string) => {
  const spec = specs.find((s) => s.name === name)
  if (spec === undefined) throw new Error(`no ${name}`)
  return spec
}

describe('the services of a start', () => {
  test('are one of each, persisters first, on the ports they have by default', () => {
    expect(table({}).map(({ name, port }) => [name, port])).toEqual([
      ['persister', 3100],
      ['api', 3000],
      ['ws-edge', 3001],
    ])
  })

  test('are numbered where there are several, each with its port', () => {
    const specs = table({ EDGES: '2', EDGE_PORT: '4000', PERSISTERS: '2', EDGE_ID: 'mine' })
    expect(specs.map(({ name, port, env }) => [name, port, env.PORT, env.EDGE_ID])).toEqual([
      ['persister-1', 3100, '3100', undefined],
      ['persister-2', 3101, '3101', undefined],
      ['api', 3000, '3000', undefined],
      ['ws-edge-1', 4000, '4000', 'mine-1'],
      ['ws-edge-2', 4001, '4001', 'mine-2'],
    ])
    expect(find(specs, 'api').env.PUBLIC_WS_URLS).toBe('ws://localhost:4000/ws,ws://localhost:4001/ws')
  })

  test('accept what they are given', () => {
    const specs = table({})
    expect(parseApi(find(specs, 'api').env).clients.wsUrls).toEqual(['ws://localhost:3001/ws'])
    expect(parseEdge(find(specs, 'ws-edge').env).allowedOrigins).toEqual([
      'http://localhost:3000',
      'http://127.0.0.1:3000',
      'http://[::1]:3000',
    ])
    expect(parsePersister(find(specs, 'persister').env).database).toEqual({
      url: databaseUrl,
      role: 'roomlog_persister',
    })
  })

  test.each(Object.entries(SERVICE_SETTINGS))(
    '%s gets every setting it knows and nobody else’s',
    (name, settings) => {
      const all = Object.values(SERVICE_SETTINGS).flatMap((s) => Object.keys(s))
      const others = { SECRET: 'x', API_PORT: '3000', ROOMLOG_DATA: '/data', PATH: '/bin' }
      const env = { ...Object.fromEntries(all.map((n) => [n, 'x'])), ENGINE: 'full', ...others }
      expect(Object.keys(find(table(env), name).env).sort()).toEqual(
        [...Object.keys(settings), 'PATH'].sort(),
      )
    },
  )

  test('take no role where migrating could make none, not even the one of the environment', () => {
    for (const { env } of table({ DATABASE_ROLE: 'somebody' }, false)) {
      expect(env.DATABASE_ROLE).toBeUndefined()
    }
  })

  test('only api can make tokens', () => {
    const holders = table({}).filter(({ env }) => 'JWT_PRIVATE_KEY' in env)
    expect(holders.map(({ name }) => name)).toEqual(['api'])
  })
})
