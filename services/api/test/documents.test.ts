import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ask, withApi } from './support.ts'

interface Operation {
  readonly summary?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, object>>
}

/** Documented of every route, and of those that may be sent a body. */
const OF_ALL = [400, 408, 431, 500, 503]
const WITH_BODY = [413, 415]

/** Every route of the api, whether it wants a token, and what it documents to answer besides what every route can. */
const ROUTES: Readonly<Record<string, readonly [token: boolean, answers: readonly number[]]>> = {
  'post /auth/register': [false, [201, 409, 429]],
  'post /auth/login': [false, [200, 401, 429]],
  'post /auth/refresh': [false, [200, 401]],
  'post /auth/logout': [false, [204, 401]],
  'get /users': [true, [200, 401]],
  'get /users/me': [true, [200, 401]],
  'patch /users/me': [true, [200, 401]],
  'delete /users/me': [true, [204, 401, 409, 429]],
  'post /users/me/password': [true, [204, 401, 429]],
  'get /users/me/export': [true, [200, 401]],
  'post /rooms': [true, [201, 401]],
  'get /rooms': [true, [200, 401]],
  'get /rooms/{roomId}': [true, [200, 401, 403, 404]],
  'get /rooms/public': [true, [200, 401]],
  'patch /rooms/{roomId}': [true, [200, 401, 403, 404]],
  'post /rooms/{roomId}/join': [true, [200, 401, 403, 404]],
  'get /rooms/{roomId}/members': [true, [200, 401, 403, 404]],
  'post /rooms/{roomId}/members': [true, [200, 201, 401, 403, 404]],
  'patch /rooms/{roomId}/members/{userId}': [true, [200, 401, 403, 404, 409]],
  'delete /rooms/{roomId}/members/{userId}': [true, [204, 401, 403, 404, 409]],
  'post /rooms/{roomId}/read': [true, [200, 401, 403, 404]],
  'get /rooms/{roomId}/messages': [true, [200, 401, 403, 404]],
  'get /config': [false, [200]],
  'get /health': [false, [200]],
  'get /livez': [false, [200]],
  'get /readyz': [false, [200]],
  'get /metrics': [false, [200]],
}

suiteOn(['postgres'], 'the api’s documents', () => {
  let app: FastifyInstance
  // biome-ignore format: one line
  let document: { openapi: string; paths: Record<string, Record<string, Operation>>; components: { securitySchemes: object } }

  withApi(async (api) => {
    ;({ app } = api)
    const answer = await ask(app, 'GET /openapi.json')
    expect(answer.status).toBe(200)
    document = answer.body
  })

  const operations = (): Readonly<Record<string, Operation>> =>
    Object.fromEntries(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const),
      ),
    )
  const bodyOf = (name: string) => operations()[name]?.requestBody?.content['application/json']?.schema

  test('are OpenAPI 3.1', () => {
    expect(document.openapi).toBe('3.1.0')
    // What 3.0 had and 3.1 has not.
    expect(JSON.stringify(document)).not.toContain('"nullable"')
    expect(document.components.securitySchemes).toEqual({
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    })
  })

  test('name every route, with all its answers and a summary', () => {
    const described = Object.entries(operations()).map(([name, { security, responses, summary }]) => {
      expect(summary).toMatch(/^[A-Z]/)
      return [name, [security !== undefined, Object.keys(responses).map(Number)]] as const
    })
    const expected = Object.entries(ROUTES).map(([name, [token, answers]]) => {
      const ofAll = name.startsWith('get') ? OF_ALL : [...OF_ALL, ...WITH_BODY]
      const ofTokens = answers.includes(401) ? [429] : []
      const all = new Set([...answers, ...ofTokens, ...ofAll])
      return [name, [token, [...all].toSorted((a, b) => a - b)]] as const
    })
    expect(Object.fromEntries(described)).toEqual(Object.fromEntries(expected))
  })

  test('say of bodies what is checked', () => {
    expect(bodyOf('post /auth/register')).toEqual({
      type: 'object',
      properties: {
        username: { type: 'string', pattern: '^[A-Za-z0-9_]{3,32}$' },
        password: { type: 'string', maxLength: 1024 },
        displayName: { type: 'string' },
      },
      required: ['username', 'password'],
      additionalProperties: false,
    })
    expect(bodyOf('post /rooms')).toMatchObject({
      properties: { visibility: { enum: ['public', 'private'], default: 'public' } },
      required: ['name'],
      additionalProperties: false,
    })
  })

  test('say of queries and paths what is checked', () => {
    const parameters = operations()['get /rooms/{roomId}/messages']?.parameters ?? []
    const names = parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
    expect(names.toSorted()).toEqual(['path roomId', 'query after', 'query before', 'query limit'])
    const limit = parameters.find(({ name }) => name === 'limit')
    // A query is text; a default that is a number would not fit its own type.
    expect(limit?.schema).toMatchObject({ type: 'string', pattern: '^[0-9]{1,3}$', default: '50' })
    expect(limit).not.toMatchObject({ required: true })
    const roomId = parameters.find(({ name }) => name === 'roomId')
    expect(roomId?.schema).toMatchObject({ pattern: '^[0-7][0-9A-HJKMNP-TV-Z]{25}$' })
  })

  test('say how a deleted user shows, and that an export is JSON lines', () => {
    const { responses } = operations()['get /users/me/export'] ?? expect.fail()
    expect(responses['200']).toMatchObject({ content: { 'application/x-ndjson': { schema: {} } } })
    expect(operations()['post /auth/logout']?.responses['204']).toEqual({ description: 'Done' })
    expect(JSON.stringify(operations()['get /users'])).toContain('\\"Deleted user\\" for a deleted account')
  })

  test('say that figures are text', () => {
    const { responses } = operations()['get /metrics'] ?? expect.fail()
    expect(responses['200']).toMatchObject({ content: { 'text/plain': { schema: { type: 'string' } } } })
  })

  test('do not show where else they are served', () => {
    expect(Object.keys(document.paths).filter((path) => /docs|openapi/.test(path))).toEqual([])
  })

  describe('for people', () => {
    test('are a page whose policy lets its own scripts run, and no others', async () => {
      const { status, headers, body } = await ask(app, 'GET /docs')
      expect(status).toBe(200)
      expect(headers['content-type']).toMatch(/^text\/html/)
      const policy = String(headers['content-security-policy'])
      expect(policy).toMatch(/script-src 'self'/)
      expect(policy).not.toMatch(/script-src[^;]*unsafe/)
      expect(policy).toMatch(/frame-ancestors/)
      for (const [, path] of String(body).matchAll(/<script src="([^"]+)"/g)) {
        expect((await ask(app, `GET ${new URL(path ?? '', 'http://x/docs').pathname}`)).status).toBe(200)
      }
    })

    test('have nothing beside them', async () => {
      for (const path of ['static/nothing.js', 'static/..%2f..%2fpackage.json', 'static/%2e%2e/index.js']) {
        const { status, body } = await ask(app, `GET /docs/${path}`)
        expect([400, 403, 404]).toContain(status)
        expect(JSON.stringify(body)).not.toMatch(/node_modules|dependencies/)
      }
    })
  })
})
