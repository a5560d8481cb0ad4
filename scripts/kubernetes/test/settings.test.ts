import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig as parseApi } from '@roomlog/api/config'
import { ROLES } from '@roomlog/db'
import { parseConfig as parsePersister } from '@roomlog/persister/config'
import { limitSettings } from '@roomlog/protocol'
import { parseSettings, SettingsError } from '@roomlog/service-kit'
import { parseConfig as parseEdge } from '@roomlog/ws-edge/config'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { settings as commandSettings, readSettings } from '../../operator/settings.ts'
import { makeKeys } from '../../start/keys.ts'
import { SERVICE_SETTINGS } from '../../start/services.ts'
import { schema as topicSchema, settings as topicSettings } from '../../topic-settings.ts'
import { environmentOf, type Workload, workloadsOf } from './objects.ts'
import { KUBERNETES, onEachOverlay } from './render.ts'

type Env = Readonly<Record<string, string>>

interface Reader {
  readonly names: readonly string[]
  readonly read: (env: Env) => unknown
  readonly role?: string
}

const command: Reader = {
  names: Object.keys(commandSettings),
  read: (env) => readSettings({ env, given: {}, options: z.object({}), needsDatabase: true }),
}
const databaseUrl = { DATABASE_URL: z.string() }
/** Who reads a container's settings, by the workload's name. */
const READERS: Readonly<Record<string, Reader>> = {
  'ws-edge': { names: Object.keys(SERVICE_SETTINGS['ws-edge']), read: parseEdge, role: ROLES.edge },
  persister: { names: Object.keys(SERVICE_SETTINGS.persister), read: parsePersister, role: ROLES.persister },
  api: { names: Object.keys(SERVICE_SETTINGS.api), read: parseApi, role: ROLES.api },
  topics: {
    names: Object.keys(topicSettings),
    read: (env) => parseSettings(topicSchema, env),
  },
  migrate: {
    names: Object.keys(databaseUrl),
    read: (env) => parseSettings(z.object(databaseUrl), env),
  },
  auditor: { ...command, role: ROLES.edge },
  operator: command,
}

const keys = makeKeys()
/** What Secrets could hold, and the one setting that an overlay leaves to whoever deploys. */
const SECRETS: Env = {
  DATABASE_URL: 'postgres://login:password@postgres.example.org:5432/roomlog',
  REDIS_URL: 'rediss://login:password@redis.example.org:6379',
  KAFKA_SASL_USERNAME: 'login',
  KAFKA_SASL_PASSWORD: 'password',
  JWT_PRIVATE_KEY: keys.JWT_PRIVATE_KEY,
}
/** Of which api and edges must be told the same. */
const CLIENTS_SETTINGS = [...Object.keys(limitSettings), 'JWT_PUBLIC_KEYS', 'TRUST_PROXY']
const PLACEHOLDER = '<npm run keys>'
const [, secretsTable = ''] = readFileSync(join(KUBERNETES, 'README.md'), 'utf8').split('\n## Secrets\n')

onEachOverlay('settings in Kubernetes', (objects) => {
  const workloads = workloadsOf(objects)

  test('every workload is known, and no other is', () => {
    expect(workloads.map(({ name }) => name).toSorted()).toEqual(Object.keys(READERS).toSorted())
  })

  test('no Secret is in the repository', () => {
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([])
  })

  for (const workload of workloads) {
    const { said, secrets } = environmentOf(workload, objects)
    const reader = READERS[workload.name] as Reader
    const withSecrets = (leftOut: (secret: (typeof secrets)[number]) => boolean = () => false): Env => ({
      ...Object.fromEntries(
        said.map(([name, value]) => [name, value === PLACEHOLDER ? keys[name as keyof typeof keys] : value]),
      ),
      ...Object.fromEntries(
        secrets.filter((it) => !leftOut(it)).map(({ variable }) => [variable, SECRETS[variable] ?? '']),
      ),
    })
    const isAccepted = async (env: Env): Promise<boolean> => {
      try {
        await reader.read(env)
        return true
      } catch (error) {
        if (error instanceof SettingsError) return false
        throw error
      }
    }

    test(`${workload.name} is told what it reads, once, and nothing else`, () => {
      const told = [...said.map(([name]) => name), ...secrets.map(({ variable }) => variable)]
      expect(told).toEqual([...new Set(told)])
      expect(told.filter((name) => !reader.names.includes(name))).toEqual([])
    })

    test(`${workload.name} accepts it`, async () => {
      await reader.read(withSecrets())
      expect(withSecrets().DATABASE_ROLE).toBe(reader.role)
    })

    test(`${workload.name} has its secrets from Secrets of its own, and needs those that are not optional`, async () => {
      expect(said.map(([name]) => name).filter((name) => name in SECRETS)).toEqual([])
      for (const { name, key, variable, optional } of secrets) {
        expect([name, key]).toEqual([workload.name, variable])
        // Whose absence the service itself tells, where brokers ask for a login.
        expect([variable, optional ?? false]).toEqual([variable, variable.startsWith('KAFKA_SASL_')])
        const mayLack = optional === true && withSecrets().KAFKA_SASL_MECHANISM === ''
        const without = withSecrets((it) => it.variable === variable)
        expect([variable, await isAccepted(without)]).toEqual([variable, mayLack])
      }
    })

    test(`README.md names the Secret of ${workload.name}`, () => {
      const row = secretsTable.split('\n').find((line) => line.startsWith(`| \`${workload.name}\` |`))
      expect([...(row ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name)).toEqual(
        secrets.map(({ key }) => key),
      )
    })
  }

  test('services do not start with what an overlay leaves open', async () => {
    const placeholders = objects
      .flatMap(({ data }) => Object.values(data ?? {}))
      .filter((value) => value.startsWith('<'))
    expect(new Set(placeholders)).toEqual(new Set([PLACEHOLDER]))
    for (const name of ['ws-edge', 'api']) {
      const env = { ...SECRETS, ENGINE: 'full', KAFKA_BROKERS: 'kafka:9092', JWT_PUBLIC_KEYS: PLACEHOLDER }
      expect(() => READERS[name]?.read(env)).toThrow('JWT_PUBLIC_KEYS')
    }
  })

  test('the api tells clients what the edges hold them to', () => {
    const [api, edge] = ['api', 'ws-edge'].map((name) => {
      const { said } = environmentOf(workloads.find((it) => it.name === name) as Workload, objects)
      return Object.fromEntries(said.filter(([setting]) => CLIENTS_SETTINGS.includes(setting)))
    })
    expect(api).toEqual(edge)
  })

  test('an edge is named by its pod, whose name is stable and never given twice', () => {
    const edge = workloads.find(({ name }) => name === 'ws-edge')
    expect(edge?.object.kind).toBe('StatefulSet')
    expect(edge?.container.env?.find(({ name }) => name === 'EDGE_ID')?.valueFrom?.fieldRef?.fieldPath).toBe(
      'metadata.name',
    )
  })
})
