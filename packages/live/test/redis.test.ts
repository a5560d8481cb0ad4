import { redis, suiteOn } from '@roomlog/testkit'
import { Redis } from 'ioredis'
import { connectLive } from '../src/index.ts'
import { liveContract, TIMES } from './contract.ts'

suiteOn(['redis'], 'presence and signals on Redis', () => {
  liveContract(async () => {
    const server = await redis()
    const client = new Redis(server.url)
    return {
      url: server.url,
      connect: (redisUrl, log) =>
        connectLive({ engine: 'full', namespace: server.namespace, redisUrl, times: TIMES }, log),
      say: async (roomId, payload) => {
        await client.publish(`${server.namespace}:room:${roomId}`, payload)
      },
      [Symbol.asyncDispose]: () => {
        client.disconnect()
        return server[Symbol.asyncDispose]()
      },
    }
  })
})
