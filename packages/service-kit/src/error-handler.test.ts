import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ApiError } from './errors.ts'
import { createMetrics } from './metrics.ts'
import { createServer } from './server.ts'

const { warn: WARN, error: ERROR } = pino.levels.values

class Away extends Error {}

const FAILURES: Readonly<Record<string, () => unknown>> = {
  refused: () => new ApiError('forbidden', 'not for you'),
  later: () => new ApiError('rate_limited', 'later', { retryAfterS: 7 }),
  closed: () => new ApiError('unavailable', 'not yet', { retryAfterS: 7 }),
  away: () => new Away('secret host is away'),
  fault: () => new TypeError('secret fault'),
  status: () => Object.assign(new Error('secret'), { statusCode: 418 }),
  'server-status': () => Object.assign(new Error('secret'), { statusCode: 502 }),
}

describe('failures of handlers', () => {
  const logged: { level: number; err?: { message: string } }[] = []
  let app: FastifyInstance

  beforeAll(async () => {
    const log = pino({ level: 'warn' }, { write: (line) => logged.push(JSON.parse(line)) })
    app = await createServer({
      log,
      isUnavailable: (error) => error instanceof Away,
      metrics: createMetrics(),
      handlerTimeoutMs: 50,
    })
    app.get('/fail/:how', async (request) => {
      throw FAILURES[(request.params as { how: string }).how]?.()
    })
    app.get('/hang', () => new Promise(() => undefined))
    app.post('/body', async () => ({ fine: true }))
    app.get('/odd', { schema: { response: { 200: z.object({ a: z.string() }) } } }, async () => ({ a: 7 }))
    await app.ready()
  })
  afterAll(() => app.close())

  async function get(url: string) {
    logged.length = 0
    const { statusCode, headers, body } = await app.inject({ url })
    const { error } = JSON.parse(body)
    expect(error.requestId).toBe(headers['x-request-id'])
    expect(body).not.toContain('secret')
    return {
      status: statusCode,
      code: error.code,
      retryAfter: headers['retry-after'],
      logged: logged.map(({ level }) => level),
    }
  }

  test.each([
    ['/fail/refused', { status: 403, code: 'forbidden', logged: [] }],
    ['/fail/later', { status: 429, code: 'rate_limited', retryAfter: '7', logged: [] }],
    ['/fail/closed', { status: 503, code: 'unavailable', retryAfter: '7', logged: [] }],
    ['/fail/away', { status: 503, code: 'unavailable', retryAfter: '2', logged: [WARN] }],
    ['/fail/fault', { status: 500, code: 'internal', logged: [ERROR] }],
    ['/fail/status', { status: 400, code: 'validation_failed', logged: [] }],
    ['/fail/server-status', { status: 500, code: 'internal', logged: [ERROR] }],
    ['/odd', { status: 500, code: 'internal', logged: [ERROR] }],
    // Nobody may wait for ever.
    ['/hang', { status: 503, code: 'unavailable', retryAfter: '2', logged: [WARN] }],
  ])('%s', async (url, expected) => {
    expect(await get(url)).toEqual({ retryAfter: undefined, ...expected })
  })

  test('are none where the body has not come: 408, and the connection ends', async () => {
    const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      'POST /body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    )
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '').error.code).toBe('request_timeout')
  })

  test('are logged with their cause and the request’s id', async () => {
    await get('/fail/fault')
    expect(logged).toMatchObject([{ err: { message: 'secret fault' }, reqId: expect.any(String) }])
  })
})
