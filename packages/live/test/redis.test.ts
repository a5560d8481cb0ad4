import { redis, suiteOn } from '@roomlog/testkit'
import { connectLive } from '../src/index.ts'
import { liveContract, TIMES } from './contract.ts'

suiteOn(['redis'], 'presence and signals on Redis', () => {
  liveContract(async () => {
    const server = await redis()
    return {
      url: server.url,
      connect: (redisUrl, log) =>
        connectLive({ engine: 'full', namespace: server.namespace, redisUrl, times: TIMES }, log),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  })
})
