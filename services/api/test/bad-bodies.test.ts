import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { ask, expectRefusal, type Person, withApi } from './support.ts'

const LIMIT_BYTES = 32_768
const JSON_TYPE = 'application/json'
/** What answers may be made of, and must not say. */
const INNER =
  /\b(select|insert|update|from chat|pg_\w+|postgres|kysely|fastify|FST_\w+|zod)\b|node:|\.ts\b|node_modules|\n/i

// biome-ignore format: a table
const BODIES = [
  ['JSON that is cut off', JSON_TYPE, '{"name":"a', 400, 'invalid_json'],
  ['nothing', JSON_TYPE, '', 400, 'invalid_json'],
  ['no JSON', JSON_TYPE, 'name=a', 400, 'invalid_json'],
  ['JSON with more behind it', JSON_TYPE, '{} {}', 400, 'invalid_json'],
  ['NUL', JSON_TYPE, '\0', 400, 'invalid_json'],
  ['arrays without an end', JSON_TYPE, '['.repeat(30_000), 400, 'invalid_json'],
  ['the key __proto__', JSON_TYPE, '{"__proto__":{"polluted":1}}', 400, 'invalid_json'],
  ['the key __proto__, escaped', JSON_TYPE, '{"\\u005f_proto__":{"polluted":1}}', 400, 'invalid_json'],
  ['the key __proto__ within', JSON_TYPE, '{"name":{"__proto__":{"polluted":1}}}', 400, 'invalid_json'],
  ['the key constructor', JSON_TYPE, '{"constructor":{"prototype":{"polluted":1}}}', 400, 'invalid_json'],
  ['null', JSON_TYPE, 'null', 400, 'validation_failed'],
  ['an array', JSON_TYPE, '[]', 400, 'validation_failed'],
  ['a text', JSON_TYPE, '"name"', 400, 'validation_failed'],
  ['a number', JSON_TYPE, '1e308', 400, 'validation_failed'],
  ['an object without a field', JSON_TYPE, '{}', 400, 'validation_failed'],
  ['a field too many', JSON_TYPE, '{"toString":"a"}', 400, 'validation_failed'],
  ['a byte too many', JSON_TYPE, `{"name":"${'x'.repeat(LIMIT_BYTES - 10)}"}`, 413, 'too_large'],
  ['plain text', 'text/plain', '{}', 415, 'unsupported_media_type'],
  ['a form', 'application/x-www-form-urlencoded', 'name=a', 415, 'unsupported_media_type'],
  ['a form of parts', 'multipart/form-data; boundary=x', '--x--', 415, 'unsupported_media_type'],
  ['XML', 'application/xml', '<name>a</name>', 415, 'unsupported_media_type'],
  ['bytes', 'application/octet-stream', '{}', 415, 'unsupported_media_type'],
  ['nearly JSON', 'application/jsonp', '{}', 415, 'unsupported_media_type'],
] as const

interface Operation {
  readonly requestBody?: object
}

suiteOn(['postgres'], 'every route that takes a body', () => {
  let app: FastifyInstance
  let ada: Person
  let calls: readonly string[]

  withApi(async (api) => {
    ;({ app, ada } = api)
    const { paths } = (await ask(app, 'GET /openapi.json')).body
    calls = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) =>
        requestBody === undefined ? [] : [`${method.toUpperCase()} ${path}`],
      ),
    )
  })

  test.each(BODIES)('refuses %s', async (_, type, body, status, code) => {
    expect(calls.length).toBeGreaterThan(10)
    for (const call of calls) {
      const url = call.replaceAll(/\{[^}]+\}/g, () => newId())
      const answer = await ask(app, url, { as: ada, body, headers: { 'content-type': type } })
      expect([call, answer.status, answer.body.error?.code]).toEqual([call, status, code])
      expectRefusal(answer, status, code)
      expect(JSON.stringify(answer.body)).not.toMatch(INNER)
    }
    expect({}).not.toHaveProperty('polluted')
  })
})
