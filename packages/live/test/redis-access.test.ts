import { newId } from '@roomlog/protocol'
import { type AclUser, type AclUsers, aclUsers, redis, suiteOn, type TestRedis } from '@roomlog/testkit'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectLive, type Live } from '../src/index.ts'

const silent = pino({ enabled: false })

// That an edge's user may do all it must is shown by the contract suite: it works as that user.
suiteOn(['redis'], 'the users of infra/redis/users.acl', () => {
  const resources = new AsyncDisposableStack()
  let server: TestRedis
  let users: AclUsers
  let clients: Readonly<Record<AclUser, Redis>>

  beforeAll(async () => {
    server = resources.use(await redis())
    users = resources.use(await aclUsers(server))
    clients = { edge: clientOf('edge'), api: clientOf('api') }
  })
  afterAll(() => resources.disposeAsync())

  function clientOf(user: AclUser): Redis {
    const client = new Redis(users.urlOf(user))
    resources.defer(() => client.disconnect())
    return client
  }

  function liveOf(user: AclUser): Live {
    const { namespace } = server
    const live = connectLive({ engine: 'full', namespace, redisUrl: users.urlOf(user) }, silent)
    resources.defer(() => live.close())
    return live
  }

  test('let the api say and ask what it has to', async () => {
    const [api, edge] = [liveOf('api'), liveOf('edge')]
    for (const live of [api, edge])
      await expect
        .poll(() =>
          live.ping().then(
            () => true,
            () => false,
          ),
        )
        .toBe(true)
    const [userId, roomId] = [newId(), newId()]
    await edge.presence.connected([{ userId, socketId: newId() }], async () => new Map())
    expect(await api.presence.online([userId, newId()])).toEqual(
      new Map([
        [userId, true],
        [expect.any(String), false],
      ]),
    )
    const heard: unknown[] = []
    edge.signals.listen((signal) => heard.push(signal))
    await edge.signals.watch({ kind: 'user', userId })
    const added = { type: 'memberAdded', roomId, userId } as const
    await expect
      .poll(async () => {
        await api.signals.publish(added)
        return heard
      })
      .toContainEqual(added)
  })

  const FOREIGN_KEYS: readonly (readonly string[])[] = [
    ['HSET', 'presence:user:x', 'a', '1'],
    ['HGETALL', 'other:presence:user:x'],
    ['EVAL', "return redis.call('HGETALL', 'other:presence:user:x')", '0'],
    ['EVAL', "return redis.call('INCR', 'counter')", '0'],
    ['PUBLISH', 'other:room:x', 'hello'],
    ['PUBLISH', 'presence', 'hello'],
    ['SUBSCRIBE', 'other:presence'],
  ]
  const OTHER_COMMANDS: readonly (readonly string[])[] = [
    ['GET', 'x'],
    ['SET', 'x', 'y'],
    ['DEL', 'x'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
    ['SAVE'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['MONITOR'],
    ['SHUTDOWN', 'NOSAVE'],
    ['SCRIPT', 'FLUSH'],
    ['FUNCTION', 'LIST'],
    ['PSUBSCRIBE', '*'],
    ['PUBSUB', 'CHANNELS'],
    ['MODULE', 'LIST'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['SWAPDB', '0', '1'],
    ['MIGRATE', 'localhost', '1', 'x', '0', '1'],
  ]
  describe.each(['edge', 'api'] as const)('keep the %s', (user) => {
    const calls = [...FOREIGN_KEYS, ...OTHER_COMMANDS].map((call) => [call.join(' '), call] as const)
    test.each(calls)('from %s', async (_, [command = '', ...args]) => {
      await expect(clients[user].call(command, ...args)).rejects.toThrow(
        /NOPERM|The user executing the script can't/,
      )
    })
  })

  test.each([
    ['SUBSCRIBE', 'room:x'],
    ['PUBLISH', 'presence', 'online'],
    ['HSET', 'presence:user:x', 'a', '1'],
    ['ZADD', 'presence:due', '1', 'x'],
    ['SADD', 'presence:announced', 'x'],
  ])('keep the api from %s of %s, which are an edge’s', async (command, name, ...args) => {
    const own = `${server.namespace}:${name}`
    await expect(clients.api.call(command, own, ...args)).rejects.toThrow(/NOPERM/)
  })

  test('let nobody in with another password', async () => {
    const url = new URL(users.urlOf('edge'))
    url.password = 'wrong'
    const client = new Redis(url.href, { lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => undefined)
    await expect(client.connect().then(() => client.ping())).rejects.toThrow(/WRONGPASS|NOAUTH|closed/)
    client.disconnect()
  })
})
