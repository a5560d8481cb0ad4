import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { newId } from '@roomlog/protocol'
import { suiteOn, type TestClient } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawSocket } from './raw-socket.ts'
import { OTHER_KEYS, PUBLIC_JWK, type RunningEdge, tokenFor, World } from './support.ts'

const nowS = Math.floor(Date.now() / 1000)
const userId = newId()
const good = tokenFor(userId)
const [HEAD = '', CLAIMS = '', SIGNATURE = ''] = good.split('.')
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = (parts: object) => tokenFor(userId, { header: { ...parts } })
const claims = (parts: object) => tokenFor(userId, { claims: { ...parts } })
/** Signed with a key of somebody else, and everything that is told about it. */
const foreign = (parts: object) => tokenFor(userId, { header: { ...parts } }, OTHER_KEYS)
const { kid: _kid, ...OTHER_JWK } = OTHER_KEYS.publicJwk
const PEM = `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([
  Buffer.from('302a300506032b6570032100', 'hex'),
  Buffer.from(String(PUBLIC_JWK.x), 'base64url'),
]).toString('base64')}\n-----END PUBLIC KEY-----\n`

/** As if the public key were a shared secret. */
function hmac(secret: string | Buffer, alg = 'HS256'): string {
  const signed = `${base64({ alg, typ: 'at+jwt', kid: PUBLIC_JWK.kid })}.${CLAIMS}`
  return `${signed}.${createHmac(alg.replace('HS', 'sha'), secret).update(signed).digest('base64url')}`
}

function rsa(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signed = `${base64({ alg: 'RS256', typ: 'at+jwt', kid: PUBLIC_JWK.kid })}.${CLAIMS}`
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
}

const unsigned = (parts: object) => `${base64({ typ: 'at+jwt', kid: PUBLIC_JWK.kid, ...parts })}.${CLAIMS}.`

const REFUSED: readonly (readonly [name: string, token: string])[] = [
  ['nothing', ''],
  ['nonsense', 'nonsense'],
  ['two dots', '..'],
  ['of two parts', `${HEAD}.${CLAIMS}`],
  ['of four parts', `${good}.${SIGNATURE}`],
  ['endless', `${HEAD}.${'A'.repeat(9000)}.${SIGNATURE}`],
  ...['none', 'None', 'NONE', 'nOnE', '', null].map((alg) => [`alg ${alg}`, unsigned({ alg })] as const),
  ['alg none with a signature', header({ alg: 'none' })],
  ['without alg', unsigned({})],
  ['alg HS256 in name alone', header({ alg: 'HS256' })],
  ['HS256 with the public key’s PEM', hmac(PEM)],
  ['HS256 with its PEM, trimmed', hmac(PEM.trim())],
  ['HS256 with its bytes', hmac(Buffer.from(String(PUBLIC_JWK.x), 'base64url'))],
  ['HS256 with its text', hmac(String(PUBLIC_JWK.x))],
  ['HS256 with its JWK', hmac(JSON.stringify(PUBLIC_JWK))],
  ['HS256 with nothing', hmac('')],
  ['HS512 with the public key’s PEM', hmac(PEM, 'HS512')],
  ['RS256', rsa()],
  ['of another key under its own id', tokenFor(userId, {}, OTHER_KEYS)],
  ['of another key under our id', foreign({ kid: PUBLIC_JWK.kid })],
  ['that brings its key', foreign({ jwk: OTHER_JWK, kid: PUBLIC_JWK.kid })],
  ['that brings its key under its id', foreign({ jwk: OTHER_KEYS.publicJwk })],
  ['that tells where its keys are', foreign({ jku: 'http://127.0.0.1:9/keys', kid: PUBLIC_JWK.kid })],
  ['that brings certificates', foreign({ x5c: ['MIIB'], x5u: 'http://127.0.0.1:9/', kid: PUBLIC_JWK.kid })],
  ...[
    'unknown',
    '',
    '__proto__',
    'constructor',
    'toString',
    '../../dev/null',
    "' OR 1=1 --",
    `${PUBLIC_JWK.kid} `,
  ].map((kid) => [`kid ${kid}`, header({ kid })] as const),
  ...[undefined, null, 1, [PUBLIC_JWK.kid], { toString: 1 }].map(
    (kid) => [`kid ${JSON.stringify(kid)}`, header({ kid })] as const,
  ),
  ...[undefined, null, 'JWT', 'at+JWT ', 'application/at+jwt', ['at+jwt']].map(
    (typ) => [`typ ${JSON.stringify(typ)}`, header({ typ })] as const,
  ),
  [
    'tampered: the claims',
    `${HEAD}.${base64({ ...JSON.parse(Buffer.from(CLAIMS, 'base64url').toString()), sub: newId() })}.${SIGNATURE}`,
  ],
  [
    'tampered: the header',
    `${base64({ alg: 'EdDSA', typ: 'at+jwt', kid: PUBLIC_JWK.kid, x: 1 })}.${CLAIMS}.${SIGNATURE}`,
  ],
  [
    'tampered: the signature',
    `${HEAD}.${CLAIMS}.${SIGNATURE.startsWith('A') ? 'B' : 'A'}${SIGNATURE.slice(1)}`,
  ],
  ['without a signature', `${HEAD}.${CLAIMS}.`],
  ['with the signature of another', `${HEAD}.${CLAIMS}.${claims({ jti: newId() }).split('.')[2]}`],
  ['expired', claims({ iat: nowS - 900, exp: nowS - 1 })],
  ['expired in milliseconds of 1970', claims({ exp: 1 })],
  ...['iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'exp'].map(
    (name) => [`without ${name}`, claims({ [name]: undefined })] as const,
  ),
  ['of another issuer', claims({ iss: 'somebody' })],
  ['for the api alone', claims({ aud: ['roomlog-api'] })],
  ['for another audience', claims({ aud: 'roomlog-ws.evil' })],
  ['for nobody', claims({ aud: [] })],
  ['of nobody', claims({ sub: null })],
  ['of many', claims({ sub: [userId] })],
  ['of a number', claims({ sub: 7 })],
  ['whose expiry is text', claims({ exp: '99999999999' })],
  ['whose claims are none', tokenFor(userId).replace(/\.[^.]+\./, `.${base64('text')}.`)],
]

suiteOn(['postgres'], 'tokens', () => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let client: TestClient

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    edge = resources.use(await world.edge({}, { handshakes: { perSecond: 10_000, burst: 10_000 } }))
    const row = { id: userId, username: userId.toLowerCase(), display_name: 'Ada', password_hash: null }
    await world.admin.db.insertInto('chat.users').values(row).execute()
    client = resources.use(await edge.client(userId))
  })
  afterAll(() => resources.disposeAsync())

  /** All that a handshake is answered, head and frames. */
  async function answered(changed: Parameters<typeof RawSocket.handshake>[1], token = ''): Promise<string> {
    using socket = await RawSocket.open(Number(new URL(edge.url).port))
    socket.write(RawSocket.handshake(token, changed))
    const head = await socket.head()
    return `${head}\n${(await socket.answers('welcome')).join('\n')}`
  }

  describe('that are refused all get the same close, and nothing before it', () => {
    test.each(REFUSED)('%s', async (_name, token) => {
      const refused = await edge.connect(token === '' ? {} : { token })
      expect(await refused.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
      expect(refused.frames).toEqual([])
    })

    test('byte for byte', async () => {
      const fit = REFUSED.filter(([, token]) => token !== '' && token.length < 8000)
      const answers = await Promise.all(fit.map(([, token]) => answered({}, token)))
      expect([...new Set(answers)]).toHaveLength(1)
      expect(answers[0]).toMatch(/^HTTP\/1\.1 101 [\s\S]*\nclose 4401\nend$/)
    })
  })

  test.each(REFUSED)('do not prolong a socket: %s', async (name, token) => {
    client.send({ type: 'authenticate', token: token.slice(0, 8192), ref: name.slice(0, 64) })
    expect(await client.next('error')).toEqual({
      type: 'error',
      code: 'unauthenticated',
      message: 'a valid access token of the same user is needed',
      retryable: false,
      ref: name.slice(0, 64),
    })
  })

  const NONE = { 'Sec-WebSocket-Protocol': 'roomlog.v1' }
  test.each([
    [
      'the query',
      { request: `GET /ws?token=${good}&access_token=${good}&authorization=Bearer%20${good} HTTP/1.1` },
    ],
    ['the user of a URL', { request: `GET http://bearer:${good}@localhost/ws HTTP/1.1` }],
    ['a cookie', { Cookie: `token=${good}; access_token=${good}; authorization=Bearer ${good}` }],
    ['a header of another name', { 'X-Access-Token': good, 'Sec-WebSocket-Token': good }],
    ['a basic login', { Authorization: `Basic ${Buffer.from(`bearer:${good}`).toString('base64')}` }],
    ['an Authorization without its scheme', { Authorization: good }],
    ['an Authorization of two', { Authorization: `Bearer ${good} ${good}` }],
    ['a subprotocol without its prefix', { 'Sec-WebSocket-Protocol': `roomlog.v1, ${good}` }],
    ['a subprotocol of another prefix', { 'Sec-WebSocket-Protocol': `roomlog.v1, token.${good}` }],
  ])('are not looked for in %s', async (_place, changed) => {
    const said = await answered({ ...NONE, ...changed })
    expect(said).toMatch(/\nclose 4401\nend$/)
    expect(said).not.toContain(good)
  })

  test('are not looked at once an address has had its handshakes', async () => {
    // So slow that none comes back while the test runs.
    const handshakes = { perSecond: 0.001, burst: REFUSED.length }
    await using busy = await world.edge({}, { edgeId: newId(), handshakes })
    const of = async (token: string) => {
      const refused = await busy.connect({ token }).catch(({ status }) => status)
      return typeof refused === 'number' ? refused : (await refused.closed).code
    }
    for (const [, token] of REFUSED) expect(await of(token)).toBe(4401)
    for (const token of [good, 'nonsense']) expect(await of(token)).toBe(429)
  })

  test('that are good still open a socket, after all those', async () => {
    await using other = await edge.client(userId, good)
    other.send({ type: 'authenticate', token: tokenFor(userId), ref: 'it' })
    expect(await other.next('authenticated')).toMatchObject({ ref: 'it' })
  })
})
