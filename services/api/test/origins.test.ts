import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ask, expectRefusal, type Person, withApi } from './support.ts'

const CHAT = 'https://chat.example.org'

suiteOn(['postgres'], 'pages of other origins', () => {
  let app: FastifyInstance
  let ada: Person

  withApi(
    (api) => {
      ;({ app, ada } = api)
    },
    { CORS_ORIGINS: `${CHAT}, http://localhost:5173`, PUBLIC_WS_URLS: 'wss://edge.example.org/ws' },
  )

  const preflight = (origin: string, call = 'OPTIONS /rooms') =>
    ask(app, call, {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })

  test.each([[CHAT], ['http://localhost:5173']])('may call from %s', async (origin) => {
    const { status, headers } = await preflight(origin)
    expect(status).toBe(204)
    expect(headers['access-control-allow-origin']).toBe(origin)
    expect(headers['access-control-allow-headers']).toBe('authorization,content-type')
    expect(String(headers['access-control-allow-methods']).split(', ')).toEqual(
      expect.arrayContaining(['GET', 'POST', 'PATCH', 'DELETE']),
    )
    const answer = await ask(app, 'GET /users/me', { as: ada, headers: { origin } })
    expect(answer.status).toBe(200)
    expect(answer.headers['access-control-allow-origin']).toBe(origin)
    expect(answer.headers.vary).toContain('Origin')
  })

  test('may read refusals too, and when to come back', async () => {
    const answer = await ask(app, 'GET /rooms', { headers: { origin: CHAT } })
    expectRefusal(answer, 401, 'unauthenticated')
    expect(answer.headers['access-control-allow-origin']).toBe(CHAT)
    expect(answer.headers['access-control-expose-headers']).toBe('retry-after, x-request-id')
  })

  test.each([
    ['https://evil.example'],
    ['https://chat.example.org.evil.example'],
    ['https://evil-chat.example.org'],
    ['https://xchat.example.org'],
    ['https://chat.example.org:8443'],
    ['http://chat.example.org'],
    ['https://chat.example.org/'],
    ['https://CHAT.example.org'],
    ['null'],
    ['*'],
    [''],
  ])('may not read from %j', async (origin) => {
    for (const answer of [await preflight(origin), await ask(app, 'GET /config', { headers: { origin } })]) {
      expect([undefined, 'false']).toContain(answer.headers['access-control-allow-origin'])
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined()
    }
  })

  test('send no cookies, for there are none', async () => {
    const answer = await preflight(CHAT)
    expect(answer.headers['access-control-allow-credentials']).toBeUndefined()
    expect((await ask(app, 'GET /config')).headers['set-cookie']).toBeUndefined()
  })

  describe('and our own', () => {
    test('may load and call what they need, and nothing else', async () => {
      const { headers } = await ask(app, 'GET /config')
      const policy = String(headers['content-security-policy'])
      expect(policy.split(';')).toEqual(
        expect.arrayContaining([
          "default-src 'self'",
          "object-src 'none'",
          "base-uri 'none'",
          "frame-ancestors 'none'",
        ]),
      )
      expect(policy).toContain("connect-src 'self' wss://edge.example.org")
      expect(policy).not.toMatch(/unsafe|\*|upgrade-insecure-requests/)
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['referrer-policy']).toBe('no-referrer')
    })

    test('are told where the edges are, and what they may send', async () => {
      const { status, body } = await ask(app, 'GET /config')
      expect({ status, body }).toEqual({
        status: 200,
        body: {
          wsUrls: ['wss://edge.example.org/ws'],
          limits: {
            maxBody: 4000,
            maxFrameBytes: 32_768,
            maxRoomsPerSocket: 500,
            maxSocketsPerUser: 20,
            maxRoomsPerJoin: 100,
            maxResume: 1000,
            maxUnacked: 16,
            messagesPerSecond: 20,
            messageBurst: 40,
            roomMessagesPerSecond: 50,
            framesPerSecond: 100,
          },
        },
      })
    })
  })
})
