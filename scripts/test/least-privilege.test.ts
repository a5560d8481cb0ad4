import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildApp as buildApi } from '@roomlog/api/app'
import { parseConfig as parseApiConfig } from '@roomlog/api/config'
import { LOGINS, type Login, makeLogins, migrate } from '@roomlog/db'
import { namespaced, TOPICS, type Topic } from '@roomlog/events'
import { buildApp as buildPersister } from '@roomlog/persister/app'
import { parseConfig as parsePersisterConfig } from '@roomlog/persister/config'
import { type AclUsers, aclUsers, postgres, redis } from '@roomlog/testkit'
import {
  type GuardedKafka,
  guardedKafka,
  PRINCIPALS,
  type Principal,
  suiteOnGuardedKafka,
} from '@roomlog/testkit/guarded-kafka'
import { buildApp as buildEdge } from '@roomlog/ws-edge/app'
import { parseConfig as parseEdgeConfig } from '@roomlog/ws-edge/config'
import { Kafka, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { makeKeys } from '../start/keys.ts'
import { kafkaRights } from './kafka-rights.ts'
import { command } from './operator-world.ts'
import { ROOT } from './running-roomlog.ts'

const PATIENCE = { timeout: 60_000 }
const PASSWORD = 'a-password-of-a-test'
const PARTITIONS = '3'
const silent = pino({ level: 'silent' })
const run = promisify(execFile)

suiteOnGuardedKafka(['postgres', 'redis'], 'with a login of its own at each server', () => {
  const resources = new AsyncDisposableStack()
  let kafka: GuardedKafka
  let redisUsers: AclUsers
  let namespace: string
  let databaseUrl: string

  const databaseOf = (login: Login) => {
    const url = new URL(databaseUrl)
    ;[url.username, url.password] = [login, PASSWORD]
    return { DATABASE_URL: url.href, DATABASE_ROLE: LOGINS[login] }
  }
  const common = () => ({
    ENGINE: 'full',
    NAMESPACE: namespace,
    PARTITIONS,
    PORT: '0',
    LOG_LEVEL: 'silent',
  })

  beforeAll(async () => {
    const store = resources.use(await redis())
    namespace = store.namespace
    redisUsers = resources.use(await aclUsers(store))
    const server = resources.use(await postgres())
    databaseUrl = server.url
    await migrate(databaseUrl)
    const passwords = Object.keys(LOGINS).map((login) => [login, PASSWORD])
    await makeLogins(databaseUrl, Object.fromEntries(passwords))
    kafka = resources.use(await guardedKafka(namespace))
  }, 180_000)
  afterAll(() => resources.disposeAsync())

  test('topics are made by the login that may', async () => {
    const env = {
      PATH: process.env.PATH ?? '',
      ...common(),
      ...kafka.envOf('topics'),
      REPLICATION_FACTOR: '1',
    }
    const { stdout } = await run(process.execPath, [join(ROOT, 'scripts/topics.ts')], { env })
    for (const { name } of Object.values(TOPICS)) expect(stdout).toContain(namespaced(namespace, name))
  })

  test('the services are ready, and people chat', async () => {
    await using services = new AsyncDisposableStack()
    const keys = makeKeys()
    const edge = await buildEdge(
      parseEdgeConfig({
        ...common(),
        ...kafka.envOf('edge'),
        ...databaseOf('roomlog_edge_login'),
        REDIS_URL: redisUsers.urlOf('edge'),
        JWT_PUBLIC_KEYS: keys.JWT_PUBLIC_KEYS,
        EDGE_ID: 'edge-1',
      }),
      { log: silent, onFatal: (error) => expect.fail(error.message) },
    )
    services.defer(() => edge.close())
    const wsUrl = `${(await edge.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')}/ws`
    const api = await buildApi(
      parseApiConfig({
        ...common(),
        ...keys,
        ...databaseOf('roomlog_api_login'),
        REDIS_URL: redisUsers.urlOf('api'),
        PUBLIC_WS_URLS: wsUrl,
      }),
      { log: silent },
    )
    services.defer(() => api.close())
    const apiUrl = await api.listen({ host: '127.0.0.1', port: 0 })
    const persister = await buildPersister(
      parsePersisterConfig({
        ...common(),
        ...kafka.envOf('persister'),
        ...databaseOf('roomlog_persister_login'),
      }),
      { log: silent },
    )
    services.defer(() => persister.close())
    for (const app of [edge, api, persister]) {
      const ready = async () => (await app.inject({ url: '/readyz' })).statusCode
      await expect.poll(ready, PATIENCE).toBe(200)
      const { checks } = (await app.inject({ url: '/health' })).json()
      expect(new Set(Object.values(checks))).toEqual(new Set(['ok']))
    }

    const [ada, bob] = [
      await Person.register(apiUrl, 'ada', 'Ada'),
      await Person.register(apiUrl, 'bob', 'Bob'),
    ]
    const { id } = await ada.createRoom('room')
    await bob.joinRoom(id)
    const [adas, bobs] = [await LiveView.open(ada, [id]), await LiveView.open(bob, [id])]
    await adas.send(id, 'hello')
    await bobs.send(id, 'hello yourself')
    for (const view of [adas, bobs]) await view.until(() => view.seen.get(id)?.length === 2)
    const online = async () => (await ada.members(id)).map((member) => member.online)
    await expect.poll(online, PATIENCE).toEqual([true, true])
    await ada.removeMember(id, bob.session.user.id)
    await bobs.until(() => bobs.removedFrom.has(id))
    for (const view of [adas, bobs]) {
      expect(view.violations).toEqual([])
      view.close()
    }
  }, 240_000)

  test('the auditor finds nothing wrong, and could not have repaired it', async () => {
    const env = { ...common(), ...kafka.envOf('auditor'), ...databaseOf('roomlog_auditor_login') }
    const audit = await command('audit', ['--full', '--older-than', '0'], env)
    expect({ ...audit, stdout: '' }).toEqual({ code: 0, stdout: '', stderr: '' })
    expect((await command('dlq', ['list'], env)).code).toBe(0)
  })

  test('an operator’s commands have what they need', async () => {
    const env = { ...common(), ...kafka.envOf('operator'), ...databaseOf('roomlog_auditor_login') }
    for (const [name, args] of [
      ['audit', ['--full', '--older-than', '0', '--repair']],
      ['dlq', ['list']],
      ['dlq', ['replay', '--all']],
    ] as const) {
      expect([name, args, await command(name, args, env)]).toMatchObject([name, args, { code: 0 }])
    }
  })

  /** What a principal does with topics, and the groups of which it can be a member. */
  const EXPECTED: Readonly<Record<Principal, Readonly<Record<Topic, string>> & { readonly groups: string }>> =
    {
      edge: { created: 'write', persisted: 'read', deadLetters: '', groups: 'chat-broadcast.x' },
      persister: { created: 'read', persisted: 'write', deadLetters: 'write', groups: 'chat-persistor' },
      topics: { created: 'create', persisted: 'create', deadLetters: 'create', groups: '' },
      auditor: { created: 'read', persisted: 'read', deadLetters: 'read', groups: 'chat-reader.x' },
      operator: {
        created: 'read write',
        persisted: 'read write',
        deadLetters: 'read write',
        groups: 'chat-persistor chat-broadcast.x chat-reader.x chat-replayer',
      },
    }
  const topics = Object.keys(TOPICS) as Topic[]
  const GROUPS = ['chat-persistor', 'chat-broadcast.x', 'chat-reader.x', 'chat-replayer', 'other']

  describe.each(PRINCIPALS)('of Kafka the %s', (principal) => {
    const rights = () => kafkaRights(kafka, principal, namespace)

    test('reads and writes what is its own, as a member of its own groups', async () => {
      const { groups, ...own } = EXPECTED[principal]
      const ownGroup = groups.split(' ')[0] ?? ''
      const found: Record<string, string> = {}
      for (const topic of topics) {
        const verbs = [
          ...(ownGroup !== '' && (await rights().reads(topic, ownGroup)) ? ['read'] : []),
          ...((await rights().writes(topic)) ? ['write'] : []),
        ]
        found[topic] = verbs.join(' ')
      }
      const readable = topics.find((topic) => found[topic]?.includes('read'))
      const joined: string[] = []
      for (const group of GROUPS) {
        if (await rights().reads(readable ?? 'created', group)) joined.push(group)
      }
      const expected = topics.map((topic) => [topic, own[topic].replace('create', '')])
      expect({ ...found, groups: joined.toSorted() }).toEqual({
        ...Object.fromEntries(expected),
        groups: groups
          .split(' ')
          .filter((group) => group !== '')
          .toSorted(),
      })
    }, 120_000)

    test('makes no other topic, and neither changes nor removes any, nor rules, nor groups', async () => {
      expect(await rights().mayRule()).toEqual([])
    })

    test('is let in by its own password alone', async () => {
      const sasl = { ...kafka.loginOf(principal), password: 'wrong' }
      const admin = new Kafka({
        brokers: [kafka.broker],
        sasl,
        logLevel: logLevel.NOTHING,
        retry: { retries: 0 },
      }).admin()
      await expect(admin.connect()).rejects.toMatchObject({ name: 'KafkaJSSASLAuthenticationError' })
    })
  })

  test('nobody comes in to Kafka without a login', async () => {
    const admin = new Kafka({
      brokers: [kafka.broker],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    }).admin()
    await expect(admin.connect().then(() => admin.listTopics())).rejects.toThrow()
  })
})
