import { createHmac, createPublicKey, sign } from 'node:crypto'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import {
  ask,
  expectRefusal,
  KEYS,
  newKeys,
  newPerson,
  type Person,
  type TestDatabase,
  withApi,
} from './support.ts'

const OTHER = newKeys()
const HOUR_S = 3600

const nowS = () => Math.floor(Date.now() / 1000)
const encode = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token by hand, right unless told otherwise. */
function forge(
  sub: string,
  {
    header = {},
    claims = {},
    key = KEYS.privateKey,
  }: { header?: object; claims?: object; key?: typeof KEYS.privateKey } = {},
): string {
  const head = { alg: 'EdDSA', typ: 'at+jwt', kid: KEYS.jwk.kid, ...header }
  const right = { iss: 'roomlog', aud: ['roomlog-api', 'roomlog-ws'], sub, sid: newId(), jti: newId() }
  const text = `${encode(head)}.${encode({ ...right, iat: nowS(), exp: nowS() + HOUR_S, ...claims })}`
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`
}

function forgeHmac(sub: string, secret: string): string {
  const [, payload] = forge(sub).split('.')
  const text = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: KEYS.jwk.kid })}.${payload}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

function unsigned(sub: string): string {
  const [, payload] = forge(sub).split('.')
  return `${encode({ alg: 'none', typ: 'at+jwt', kid: KEYS.jwk.kid })}.${payload}.`
}

function tamperedFor(sub: string): string {
  const [header, , signature] = forge(newId()).split('.')
  return `${header}.${forge(sub).split('.')[1]}.${signature}`
}

suiteOn(['postgres'], 'access tokens', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person

  withApi((api) => {
    ;({ database, app, ada } = api)
  })

  const me = (authorization?: string) =>
    ask(app, 'GET /users/me', { headers: authorization === undefined ? {} : { authorization } })

  test('let their user in, with any case of the scheme', async () => {
    for (const scheme of ['Bearer', 'bearer']) {
      const answer = await me(`${scheme} ${ada.token}`)
      expect(answer).toMatchObject({ status: 200, body: { user: { id: ada.id, username: ada.username } } })
    }
    expect((await me(`Bearer ${forge(ada.id)}`)).status).toBe(200)
  })

  test('live as long as the settings say', async () => {
    const { exp, iat, ...claims } = JSON.parse(
      String(Buffer.from(ada.token.split('.')[1] ?? '', 'base64url')),
    )
    expect(exp - iat).toBe(900)
    expect(claims).toEqual({
      iss: 'roomlog',
      aud: ['roomlog-api', 'roomlog-ws'],
      sub: ada.id,
      sid: expect.any(String),
      jti: expect.any(String),
    })
  })

  test('speak for nobody whose account is gone', async () => {
    const deleted = await newPerson(app, database)
    await database.admin.db
      .updateTable('chat.users')
      .set({ deleted_at: new Date() })
      .where('id', '=', deleted.id)
      .execute()
    expectRefusal(await me(`Bearer ${deleted.token}`), 401, 'unauthenticated')
  })

  describe('are refused with one and the same answer:', () => {
    const pem = createPublicKey(KEYS.privateKey).export({ type: 'spki', format: 'pem' }).toString()
    const cases: Readonly<Record<string, (sub: string) => string | undefined>> = {
      none: () => undefined,
      'an empty one': () => 'Bearer ',
      'another scheme': (sub) => `Basic ${forge(sub)}`,
      'two of them': (sub) => `Bearer ${forge(sub)} ${forge(sub)}`,
      garbage: () => 'Bearer garbage',
      'three empty parts': () => 'Bearer ..',
      'parts that are not JSON': () => `Bearer ${encode('a')}.${encode('b')}.${encode('c')}`,
      'JSON that is no object': () => `Bearer ${encode('null')}.${encode('null')}.${encode('c')}`,
      'alg none': (sub) => `Bearer ${unsigned(sub)}`,
      'HS256 with the public key': (sub) => `Bearer ${forgeHmac(sub, pem)}`,
      'HS256 with the public key, trimmed': (sub) => `Bearer ${forgeHmac(sub, pem.trim())}`,
      'HS256 with x of the public key': (sub) => `Bearer ${forgeHmac(sub, KEYS.jwk.x ?? '')}`,
      'another key under our kid': (sub) => `Bearer ${forge(sub, { key: OTHER.privateKey })}`,
      'another key under its own kid': (sub) =>
        `Bearer ${forge(sub, { key: OTHER.privateKey, header: { kid: OTHER.jwk.kid } })}`,
      'another key that it brings along': (sub) =>
        `Bearer ${forge(sub, { key: OTHER.privateKey, header: { jwk: OTHER.jwk } })}`,
      'another key that it points at': (sub) =>
        `Bearer ${forge(sub, { key: OTHER.privateKey, header: { jku: 'https://example.org/keys' } })}`,
      'an unknown kid': (sub) => `Bearer ${forge(sub, { header: { kid: 'unknown' } })}`,
      'a kid that is a path': (sub) => `Bearer ${forge(sub, { header: { kid: '../../dev/null' } })}`,
      'a kid of the prototype': (sub) => `Bearer ${forge(sub, { header: { kid: '__proto__' } })}`,
      'a kid that is no text': (sub) => `Bearer ${forge(sub, { header: { kid: [KEYS.jwk.kid] } })}`,
      'no kid': (sub) => `Bearer ${forge(sub, { header: { kid: undefined } })}`,
      'typ JWT': (sub) => `Bearer ${forge(sub, { header: { typ: 'JWT' } })}`,
      'no typ': (sub) => `Bearer ${forge(sub, { header: { typ: undefined } })}`,
      'another issuer': (sub) => `Bearer ${forge(sub, { claims: { iss: 'elsewhere' } })}`,
      'no issuer': (sub) => `Bearer ${forge(sub, { claims: { iss: undefined } })}`,
      'another audience': (sub) => `Bearer ${forge(sub, { claims: { aud: ['roomlog-ws'] } })}`,
      'no audience': (sub) => `Bearer ${forge(sub, { claims: { aud: undefined } })}`,
      expired: (sub) => `Bearer ${forge(sub, { claims: { iat: nowS() - HOUR_S, exp: nowS() - 1 } })}`,
      'no end': (sub) => `Bearer ${forge(sub, { claims: { exp: undefined } })}`,
      'an end that is no number': (sub) => `Bearer ${forge(sub, { claims: { exp: '9999999999' } })}`,
      'not yet': (sub) => `Bearer ${forge(sub, { claims: { nbf: nowS() + HOUR_S } })}`,
      'no subject': (sub) => `Bearer ${forge(sub, { claims: { sub: undefined } })}`,
      'a subject that is no text': (sub) => `Bearer ${forge(sub, { claims: { sub: [sub] } })}`,
      'no session': (sub) => `Bearer ${forge(sub, { claims: { sid: undefined } })}`,
      'no id': (sub) => `Bearer ${forge(sub, { claims: { jti: undefined } })}`,
      'no time of issue': (sub) => `Bearer ${forge(sub, { claims: { iat: undefined } })}`,
      tampered: (sub) => `Bearer ${tamperedFor(sub)}`,
      'a signature cut off': (sub) => `Bearer ${forge(sub).slice(0, -4)}`,
      'an unknown subject': () => `Bearer ${forge(newId())}`,
    }

    test.each(Object.keys(cases))('%s', async (name) => {
      const answer = await me(cases[name]?.(ada.id))
      expectRefusal(answer, 401, 'unauthenticated')
      expect(answer.body.error.message).toBe('a valid access token is needed')
      expect(Object.keys(answer.body.error)).toEqual(['code', 'message', 'requestId'])
      // Nothing else differs that a client could tell cases by.
      const { 'x-request-id': _id, date: _date, ...headers } = answer.headers
      const { 'x-request-id': _id2, date: _date2, ...plain } = (await me()).headers
      expect(headers).toEqual(plain)
    })
  })
})
