import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { privateKeySetting, publicKeysSetting } from './jwk.ts'

function newJwk(kid: string) {
  const { d, ...jwk } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return { d, jwk: { ...jwk, kid } }
}

const { d, jwk } = newJwk('one')
const { jwk: second } = newJwk('two')

describe('public keys', () => {
  const parse = (value: unknown) =>
    publicKeysSetting.safeParse(typeof value === 'string' ? value : JSON.stringify(value))

  test('are read with what else a JWK says', () => {
    const keys = parse([{ ...jwk, use: 'sig', alg: 'EdDSA' }, second]).data ?? expect.fail('refused')
    expect(keys.map(({ kid }) => kid)).toEqual(['one', 'two'])
    expect(keys.map(({ pem }) => createPublicKey(pem).export({ format: 'jwk' }).x)).toEqual([jwk.x, second.x])
  })

  test.each([
    ['text', 'not json'],
    ['a single key', jwk],
    ['an empty list', []],
    ['a list of text', ['key']],
    ['a key without its id', [{ ...jwk, kid: undefined }]],
    ['a key with an empty id', [{ ...jwk, kid: '' }]],
    ['a key of another kind', [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'rsa' }]],
    ['a shared secret', [{ kty: 'oct', k: 'c2VjcmV0', kid: 'oct' }]],
    ['a key of another curve', [{ ...jwk, crv: 'X25519' }]],
    ['a key cut short', [{ ...jwk, x: jwk.x?.slice(1) }]],
    // Who only checks tokens must not be able to make them.
    ['a private key', [{ ...jwk, d }]],
    ['two keys of one id', [jwk, { ...second, kid: jwk.kid }]],
  ])('are not %s', (_, value) => {
    const { error } = parse(value)
    expect(error?.issues.length).toBeGreaterThan(0)
    expect(JSON.stringify(error?.issues)).not.toContain(d)
  })
})

describe('a private key', () => {
  const parse = (value: unknown) => privateKeySetting.safeParse(JSON.stringify(value))

  test('is read', () => {
    const { kid, pem } = parse({ ...jwk, d }).data ?? expect.fail('refused')
    expect(kid).toBe('one')
    expect(createPrivateKey(pem).export({ format: 'jwk' })).toMatchObject({ d, x: jwk.x })
  })

  test.each([
    ['a public one', jwk],
    ['a list', [{ ...jwk, d }]],
    ['cut short', { ...jwk, d: d?.slice(1) }],
    ['one half of another', { ...jwk, d, x: second.x }],
    ['of another curve', { ...jwk, d, crv: 'X25519' }],
  ])('is not %s', (_, value) => {
    const { error } = parse(value)
    expect(error?.issues.length).toBeGreaterThan(0)
    expect(JSON.stringify(error?.issues)).not.toContain(d)
  })
})
