import { generateKeyPairSync } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { privateKeySetting, publicKeysSetting } from './jwk.ts'
import { TOKENS_REMEMBERED, TokenError, type TokenOptions, tokens } from './tokens.ts'

function newKeys(kid: string) {
  const { d, ...jwk } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const [publicKey = expect.fail()] = publicKeysSetting.parse(JSON.stringify([{ ...jwk, kid }]))
  return { publicKey, privateKey: privateKeySetting.parse(JSON.stringify({ ...jwk, d, kid })) }
}

const OLD = newKeys('old')
const NEW = newKeys('new')
const CLAIMS = { userId: 'user', sessionId: 'session', tokenId: 'token' }
const SHARED = { issuer: 'issuer', audience: 'one', type: 'at+jwt' }
const audiences = ['one', 'two']

describe('access tokens', () => {
  const apps: FastifyInstance[] = []
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

  async function service(options: Partial<TokenOptions>): Promise<FastifyInstance> {
    const app = Fastify()
    apps.push(app)
    await app.register(tokens, { ...SHARED, publicKeys: [OLD.publicKey], ...options })
    await app.ready()
    return app
  }
  const minter = (options: Partial<TokenOptions> = {}, key = OLD.privateKey, ttlS = 900) =>
    service({ ...options, signing: { key, audiences, ttlS } })

  test('say to each audience who is who, and until when', async () => {
    const token = (await minter()).mintToken(CLAIMS)
    for (const audience of audiences) {
      const { expiresAtMs, ...identity } = (await service({ audience })).identify(token)
      expect(identity).toEqual({ userId: 'user', sessionId: 'session' })
      expect(expiresAtMs).toBeGreaterThan(Date.now() + 890_000)
      expect(expiresAtMs).toBeLessThanOrEqual(Date.now() + 901_000)
    }
  })

  test.each([
    ['another issuer', { issuer: 'another' }],
    ['another audience', { audience: 'three' }],
    ['another type', { type: 'JWT' }],
    ['another key', { publicKeys: [NEW.publicKey] }],
    ['another key under that id', { publicKeys: [{ ...NEW.publicKey, kid: 'old' }] }],
  ])('are refused by who expects %s', async (_, options) => {
    const token = (await minter()).mintToken(CLAIMS)
    const app = await service(options)
    expect(() => app.identify(token)).toThrow(TokenError)
  })

  test('cannot be minted by who only checks them', async () => {
    const app = await service({})
    expect(() => app.mintToken(CLAIMS)).toThrow()
  })

  test('stay good while keys are rotated', async () => {
    const both = { publicKeys: [OLD.publicKey, NEW.publicKey] }
    const [before, between, after] = [
      await service({}),
      await service(both),
      await service({ publicKeys: [NEW.publicKey] }),
    ]
    const old = (await minter(both)).mintToken(CLAIMS)
    const fresh = (await minter(both, NEW.privateKey)).mintToken(CLAIMS)
    for (const token of [old, fresh]) expect(between.identify(token).userId).toBe('user')
    expect(before.identify(old).userId).toBe('user')
    expect(after.identify(fresh).userId).toBe('user')
    expect(() => before.identify(fresh)).toThrow(TokenError)
    expect(() => after.identify(old)).toThrow(TokenError)
  })

  test('that were seen before are still refused once expired, or with another signature', async () => {
    const app = await minter({}, OLD.privateKey, 60)
    const [token, other] = [app.mintToken(CLAIMS), app.mintToken({ ...CLAIMS, tokenId: 'other' })]
    for (let times = 0; times < 2; times += 1) expect(app.identify(token).userId).toBe('user')
    const [header, payload] = token.split('.')
    expect(() => app.identify(`${header}.${payload}.${other.split('.')[2]}`)).toThrow(TokenError)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    expect(() => app.identify(token)).toThrow(TokenError)
    vi.useRealTimers()
  })

  test('are remembered up to a bound: above it the one is forgotten that was not asked for longest', async () => {
    const app = await minter()
    const mint = (tokenId: string) => app.mintToken({ ...CLAIMS, tokenId })
    const [again, once] = [mint('again'), mint('once')]
    // An identity that is remembered is the same object.
    const [ofAgain, ofOnce] = [app.identify(again), app.identify(once)]
    for (let others = 2; others < TOKENS_REMEMBERED; others += 1) app.identify(mint(`other ${others}`))
    expect(app.identify(again)).toBe(ofAgain)
    app.identify(mint('one more'))
    expect(app.identify(again)).toBe(ofAgain)
    expect(app.identify(once)).not.toBe(ofOnce)
    expect(app.identify(once)).toEqual(ofOnce)
  }, 60_000)

  test.each([
    ['empty', ''],
    ['text', 'token'],
    ['dots', '..'],
    ['endless', `${'a'.repeat(100_000)}.b.c`],
  ])('are no %s strings', async (_, token) => {
    const app = await service({})
    expect(() => app.identify(token)).toThrow(TokenError)
  })
})
