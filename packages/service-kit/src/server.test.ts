import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createMetrics } from './metrics.ts'
import { createServer } from './server.ts'

/** Above the server's own bounds on a slow request. */
const SLOW_TEST_MS = 30_000

describe('what clients send before any route is looked for', () => {
  let app: FastifyInstance
  let port: number

  beforeAll(async () => {
    app = await createServer({
      log: pino({ level: 'silent' }),
      isUnavailable: () => false,
      metrics: createMetrics(),
    })
    app.get('/', async () => ({ fine: true }))
    app.post('/', async () => ({ fine: true }))
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    port = Number(new URL(url).port)
  })
  afterAll(() => app.close())

  async function open(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }

  /** The whole answer, when the server has ended the connection. */
  async function answerTo(sent: string) {
    const socket = await open()
    socket.write(sent)
    return parse(await text(socket))
  }

  function parse(answer: string) {
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    const [status = '', ...headers] = head.split('\r\n')
    const { error } = JSON.parse(body)
    expect(headers).toContain(`x-request-id: ${error.requestId}`)
    expect(headers).toContain('connection: close')
    expect(headers).toContain(`content-length: ${body.length}`)
    return { status, code: error.code, message: error.message }
  }

  test('is bounded in time, size and number', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout, maxRequestsPerSocket } = app.server
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, maxRequestsPerSocket }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      keepAliveTimeout: 65_000,
      maxRequestsPerSocket: 10_000,
    })
    expect(app.initialConfig).toMatchObject({ bodyLimit: 32_768, requestTimeout: 15_000 })
    // Of these 15 s and the look at connections each second are made the 17 s within which all that is slow is closed.
    expect(Reflect.get(app.server, 'connectionsCheckingInterval')).toBe(1_000)
  })

  test('is answered where its headers are too large', async () => {
    expect(await answerTo(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)).toEqual({
      status: 'HTTP/1.1 431 Request Header Fields Too Large',
      code: 'headers_too_large',
      message: 'headers too large',
    })
  })

  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['an unknown method', 'HELLO / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01'],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a header with a line break in it', 'GET / HTTP/1.1\r\nhost: x\r\na: b\nc\r\n\r\n'],
  ])('is answered where it is %s', async (_, sent) => {
    expect(await answerTo(sent)).toEqual({
      status: 'HTTP/1.1 400 Bad Request',
      code: 'validation_failed',
      message: 'malformed request',
    })
  })

  test('is answered without a body where it is HEAD', async () => {
    const socket = await open()
    socket.write(`HEAD / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 431 [\s\S]*\r\nx-request-id: [0-9a-f-]{36}\r\n/)
    expect(answer).toMatch(/\r\n\r\n$/)
  })

  test('is answered in the shape of all refusals where it names no host', async () => {
    const socket = await open()
    socket.end('GET / HTTP/1.1\r\nconnection: close\r\n\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    const { code, requestId } = JSON.parse(answer.split('\r\n\r\n')[1] ?? '').error
    expect(code).toBe('validation_failed')
    expect(answer).toContain(`\r\nx-request-id: ${requestId}\r\n`)
  })

  test('is of a route also with a fragment behind its path', async () => {
    const socket = await open()
    socket.end('PUT /#x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\n/)
    expect(answer).toContain('\r\nallow: GET, HEAD, POST\r\n')
  })

  test('is served though it expects what nobody knows', async () => {
    const socket = await open()
    socket.end('GET / HTTP/1.1\r\nhost: x\r\nexpect: x\r\nconnection: close\r\n\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer).toMatch(/\r\nx-request-id: /)
  })

  test.concurrent.each([
    ['its headers', 'GET / HTTP/1.1\r\nhost: x\r\n'],
    [
      'its body',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    ],
  ])(
    'is answered where %s do not come, while others are served',
    async (_, sent) => {
      const socket = await open()
      socket.write(sent)
      const answer = text(socket)
      expect((await app.inject({ url: '/' })).statusCode).toBe(200)
      expect(parse(await answer)).toEqual({
        status: 'HTTP/1.1 408 Request Timeout',
        code: 'request_timeout',
        message: 'request timeout',
      })
    },
    SLOW_TEST_MS,
  )

  test('leaves no trace where it is broken off', async () => {
    const socket = await open()
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n')
    socket.resetAndDestroy()
    expect((await app.inject({ url: '/' })).statusCode).toBe(200)
  })
})

test('a stop may take as long as its hooks do', async () => {
  const app = await createServer({
    log: pino({ level: 'silent' }),
    isUnavailable: () => false,
    metrics: createMetrics(),
  })
  app.addHook('preClose', () => new Promise((resolve) => setTimeout(resolve, 14_000)))
  await app.ready()
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    const closed = app.close()
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0))
    await vi.advanceTimersByTimeAsync(14_000)
    await closed
  } finally {
    vi.useRealTimers()
  }
})
