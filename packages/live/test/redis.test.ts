import { aclUsers, redis, suiteOn } from '@roomlog/testkit'
import { Redis } from 'ioredis'
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
})
