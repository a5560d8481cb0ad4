import { aclUsers, redis, suiteOn } from '@roomlog/testkit'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { connectLive } from '../src/index.ts'
import { liveContract, TIMES } from './contract.ts'

// As the user that an edge has in production.
suiteOn(['redis'], 'presence and signals on Redis', () => {
  liveContract(async () => {
    const server = await redis()
    const users = await aclUsers(server)
    const client = new Redis(server.url)
    return {
      url: users.urlOf('edge'),
      connect: (redisUrl, log) =>
        connectLive({ engine: 'full', namespace: server.namespace, redisUrl, times: TIMES }, log),
      say: async (roomId, payload) => {
        await client.publish(`${server.namespace}:room:${roomId}`, payload)
      },
      [Symbol.asyncDispose]: async () => {
        client.disconnect()
        await users[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  })

  test('what is watched, and what no longer, within one turn of the event loop is one command each', async () => {
    await using server = await redis()
    const { url, namespace } = server
    const client = new Redis(url)
    const monitor = await client.monitor()
    const live = connectLive({ engine: 'full', namespace, redisUrl: url }, pino({ enabled: false }))
    try {
      const commands: { readonly name: string; readonly channels: readonly string[] }[] = []
      monitor.on('monitor', (_time: string, [name = '', ...channels]: string[]) => {
        if (channels.some((channel) => channel.startsWith(`${namespace}:room:`)))
          commands.push({ name: name.toLowerCase(), channels })
      })
      const presence = async () => client.call('PUBSUB', 'NUMSUB', `${namespace}:presence`)
      await expect.poll(presence).toEqual([`${namespace}:presence`, 1])
      const rooms = Array.from({ length: 200 }, (_, i) => ({ kind: 'room', roomId: String(i) }) as const)
      const channelsOf = (of: typeof rooms) => of.map(({ roomId }) => `${namespace}:room:${roomId}`)
      await Promise.all(rooms.map((room) => live.signals.watch(room)))
      await expect.poll(() => commands).toEqual([{ name: 'subscribe', channels: channelsOf(rooms) }])
      const [gone, kept] = [rooms.slice(0, 100), rooms.slice(100)]
      await Promise.all([
        ...gone.map((room) => live.signals.unwatch(room)),
        ...kept.map((room) => live.signals.watch(room)),
      ])
      await expect
        .poll(() => commands.slice(1))
        .toEqual([
          { name: 'subscribe', channels: channelsOf(kept) },
          { name: 'unsubscribe', channels: channelsOf(gone) },
        ])
    } finally {
      await live.close()
      monitor.disconnect()
      client.disconnect()
    }
  })
})
