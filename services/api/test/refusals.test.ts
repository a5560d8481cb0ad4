import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ask, credentials, expectRefusal, type Person, withApi } from './support.ts'

const BODY_LIMIT_BYTES = 32_768

suiteOn(['postgres'], 'requests that fit no route', () => {
  let app: FastifyInstance
  let ada: Person

  withApi((api) => {
    ;({ app, ada } = api)
  })

  describe('are not found:', () => {
    test.each([
      ['GET /nothing'],
      ['POST /nothing'],
      ['GET /auth'],
      ['GET /Rooms'],
      [`GET /rooms/${newId()}/nothing`],
      ['GET /rooms/x/messages/y'],
      ['GET //rooms'],
      ['GET /../etc/passwd'],
      ['PROPFIND /nothing'],
    ])('%s', async (call) => {
      const answer = await ask(app, call, { as: ada })
      expectRefusal(answer, 404, 'not_found')
      expect(answer.headers.allow).toBeUndefined()
      expect(JSON.stringify(answer.body)).not.toMatch(/nothing|passwd|AAA/)
    })

    test('whatever their body', async () => {
      for (const headers of [{ 'content-type': 'text/xml' }, { 'content-type': 'application/json' }]) {
        expectRefusal(await ask(app, 'POST /nothing', { body: '<x/>', headers }), 404, 'not_found')
      }
    })
  })

  describe('are of another method:', () => {
    test.each([
      ['GET /auth/login', 'POST'],
      ['DELETE /auth/register', 'POST'],
      ['PUT /rooms', 'POST, GET, HEAD'],
      ['PUT /%72ooms', 'POST, GET, HEAD'],
      [`DELETE /rooms/${newId()}`, 'GET, HEAD, PATCH'],
      ['POST /rooms/public', 'GET, HEAD, PATCH'],
      [`PUT /rooms/${newId()}/members`, 'GET, HEAD, POST'],
      [`GET /rooms/${newId()}/members/me`, 'DELETE, PATCH'],
      [`GET /rooms/${newId()}/read`, 'POST'],
      [`GET /rooms/${newId()}/join`, 'POST'],
      [`POST /rooms/${newId()}/messages`, 'GET, HEAD'],
      ['POST /users/me', 'GET, HEAD, PATCH, DELETE'],
      ['GET /users/me/password', 'POST'],
      ['POST /users', 'GET, HEAD'],
      ['DELETE /users/me/export', 'GET'],
      ['GET /auth/refresh', 'POST'],
      ['DELETE /health', 'GET, HEAD'],
      ['PROPFIND /users/me', 'GET, HEAD, PATCH, DELETE'],
      ['TRACE /users/me', 'GET, HEAD, PATCH, DELETE'],
    ])('%s', async (call, allowed) => {
      const answer = await ask(app, call, { as: ada })
      expectRefusal(answer, 405, 'method_not_allowed')
      expect(String(answer.headers.allow).split(', ').toSorted()).toEqual(allowed.split(', ').toSorted())
    })

    test('whatever their body', async () => {
      const body = 'x'.repeat(BODY_LIMIT_BYTES + 1)
      const headers = { 'content-type': 'text/xml' }
      expectRefusal(await ask(app, 'PUT /rooms', { body, headers }), 405, 'method_not_allowed')
    })
  })

  describe('have a malformed path:', () => {
    test.each([
      ['an id that is empty', 'GET /rooms/'],
      ['an id that is too long', `GET /rooms/${'A'.repeat(101)}`],
      ['an id that is endless', `GET /rooms/${'A'.repeat(5000)}/messages`],
      ['half an escape', 'GET /rooms/%'],
      ['an escape that is none', 'GET /rooms/%zz/messages'],
      ['an overlong dot', 'GET /%c0%ae'],
      ['a byte that is not UTF-8', 'POST /rooms/%ff/join'],
    ])('%s', async (_, call) => {
      expectRefusal(await ask(app, call, { as: ada }), 400, 'validation_failed')
    })
  })

  describe('have a body', () => {
    const post = (options: Partial<InjectOptions> & { body?: string }) =>
      ask(app, 'POST /rooms', { as: ada, ...options })

    test('just as long as allowed, or longer', async () => {
      const bodyOf = (length: number) => JSON.stringify({ name: 'x'.repeat(length - '{"name":""}'.length) })
      const headers = { 'content-type': 'application/json' }
      expectRefusal(await post({ body: bodyOf(BODY_LIMIT_BYTES), headers }), 400, 'validation_failed')
      expectRefusal(await post({ body: bodyOf(BODY_LIMIT_BYTES + 1), headers }), 413, 'too_large')
    })

    test.each([
      ['text/plain'],
      ['text/xml'],
      ['application/x-www-form-urlencoded'],
      ['multipart/form-data; boundary=x'],
      ['application/jsonp'],
      ['garbage'],
      ['application/json/x'],
    ])('of the type %s', async (type) => {
      const answer = await post({ body: '{"name":"room"}', headers: { 'content-type': type } })
      expectRefusal(answer, 415, 'unsupported_media_type')
    })

    test('of JSON with a character set', async () => {
      const headers = { 'content-type': 'application/json; charset=utf-8' }
      expect((await post({ body: '{"name":"room"}', headers })).status).toBe(201)
    })
  })

  test('tell which fields were wrong, and no value', async () => {
    const body = credentials({ password: 'secret7', username: 'not-a-name', extra: 'value' })
    const answer = await ask(app, 'POST /auth/register', { body })
    expectRefusal(answer, 400, 'validation_failed')
    expect(answer.body.error.details).toEqual([
      { path: '/username', message: 'must be 3 to 32 of a-z 0-9 _' },
      { path: '/password', message: 'must be 8 to 1024 bytes' },
      { path: '/', message: 'Unrecognized key: "extra"' },
    ])
    expect(JSON.stringify(answer.body)).not.toMatch(/secret7|not-a-name|value/)
  })

  test('have an id of ours, not of the client’s', async () => {
    const headers = { 'x-request-id': 'mine', 'request-id': 'mine' }
    const ids = [await ask(app, 'GET /config', { headers }), await ask(app, 'GET /x', { headers })].map(
      (answer) => answer.headers['x-request-id'],
    )
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(new Set(ids).size).toBe(2)
  })

  test('say nothing of what the server is made of', async () => {
    const answers = await Promise.all([
      ask(app, 'GET /config'),
      ask(app, 'GET /nothing'),
      ask(app, 'GET /rooms/%'),
      ask(app, 'POST /rooms', { as: ada, body: '{', headers: { 'content-type': 'application/json' } }),
    ])
    for (const { headers, body } of answers) {
      expect(headers).not.toHaveProperty('server')
      expect(headers).not.toHaveProperty('x-powered-by')
      expect(JSON.stringify(body)).not.toMatch(/fastify|FST_|node_modules|\.ts\b|SyntaxError/i)
    }
  })
})
