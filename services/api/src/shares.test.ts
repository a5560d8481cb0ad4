import { createMetrics, createServer } from '@roomlog/service-kit'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { shareAmongUsers } from './shares.ts'

/** At once and waiting. */
const SHARE = 104

test('a request beyond its user’s share is refused, and logged as itself', async () => {
  const lines: { readonly msg: string; readonly ip?: string; readonly reqId?: string }[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const app = await createServer({
    log,
    isUnavailable: () => false,
    metrics: createMetrics(),
    handlerTimeoutMs: 60_000,
  })
  app.decorateRequest('identity', null)
  app.addHook('onRequest', async (request) => {
    request.identity = { userId: 'ada', sessionId: '', expiresAtMs: 0 }
  })
  shareAmongUsers(app)
  const held = Promise.withResolvers<object>()
  app.get('/', () => held.promise)
  const get = async (remoteAddress: string) => app.inject({ url: '/', remoteAddress })
  const answers = Array.from({ length: SHARE }, (_, i) => get(`10.0.0.${i}`))
  const refused = await get('10.0.1.1')
  held.resolve({})
  expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual(Array(SHARE).fill(200))
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1'])
  const reqId = refused.headers['x-request-id']
  expect(lines.filter(({ msg }) => msg === 'rate limited')).toMatchObject([
    { userId: 'ada', ip: '10.0.1.1', reqId },
  ])
  await app.close()
})
