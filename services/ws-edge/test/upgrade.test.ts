import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawSocket, type RequestParts, rawFrame } from './raw-socket.ts'
import { type RunningEdge, tokenFor, World } from './support.ts'

const VERSION = 'Sec-WebSocket-Version'
const KEY = 'Sec-WebSocket-Key'
const PROTOCOL = 'Sec-WebSocket-Protocol'
/** Of the key that `RawSocket` sends (1.3). */
const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const ALLOWED = 'Origin: https://chat.example.org'

/** What may differ from one client to the next. */
const UPGRADED: readonly (readonly [name: string, changed: RequestParts])[] = [
  ['as browsers ask', {}],
  ['as Firefox asks', { Connection: 'keep-alive, Upgrade' }],
  ['in other letters', { Upgrade: 'WebSocket', Connection: 'uPGRADE' }],
  ['with a query', { request: 'GET /ws?x=1 HTTP/1.1' }],
  ['as proxies ask', { request: 'GET http://localhost/ws HTTP/1.1' }],
  ['with subprotocols over two lines', { more: `${PROTOCOL}: other` }],
  ['with compression offered', { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }],
  ['with an extension that nobody knows', { 'Sec-WebSocket-Extensions': 'x-one; a=1, x-two' }],
  ['with a header of extensions that is none', { 'Sec-WebSocket-Extensions': ';;;=' }],
]

/** What does not ask for a WebSocket is a request like any other, whose connection is in the server's care. */
const NONE: readonly (readonly [name: string, status: number, changed: RequestParts])[] = [
  ['HTTP/1.0', 404, { request: 'GET /ws HTTP/1.0' }],
  ['HTTP/2.0, in the words of 1.1', 404, { request: 'GET /ws HTTP/2.0' }],
  ['no version of HTTP', 404, { request: 'GET /ws' }],
  ['HEAD', 404, { request: 'HEAD /ws HTTP/1.1' }],
  ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'].map(
    (method) => [method, 405, { request: `${method} /ws HTTP/1.1` }] as const,
  ),
  ['no Upgrade', 404, { Upgrade: undefined, Connection: 'keep-alive' }],
  ['no Connection', 404, { Upgrade: 'websocket', Connection: 'keep-alive' }],
  ['another upgrade', 404, { Upgrade: 'h2c' }],
  ['two upgrades', 404, { Upgrade: 'websocket, h2c' }],
  ['no Host', 400, { Host: undefined }],
  ['a malformed path', 400, { request: 'GET /% HTTP/1.1' }],
  ['another path', 404, { request: 'GET /ws/ HTTP/1.1' }],
  ['a path that is encoded', 404, { request: 'GET /%77s HTTP/1.1' }],
]

/** After which there is no next request. */
const REFUSED: readonly (readonly [name: string, status: number, changed: RequestParts])[] = [
  ['HTTP/1.2', 400, { request: 'GET /ws HTTP/1.2' }],
  ['get', 400, { request: 'get /ws HTTP/1.1' }],
  ['another path by two dots', 404, { request: 'GET /x/../ws HTTP/1.1' }],
  ['another host’s path', 404, { request: 'GET //localhost/ws HTTP/1.1' }],
  ['no key', 400, { [KEY]: undefined }],
  ['an empty key', 400, { [KEY]: '' }],
  ['a short key', 400, { [KEY]: 'YQ==' }],
  ['a long key', 400, { [KEY]: 'A'.repeat(44) }],
  ['a key that is no Base64', 400, { [KEY]: 'dGhlIHNhbXBsZSBub25j!!==' }],
  ['two keys', 400, { more: `${KEY}: dGhlIHNhbXBsZSBub25jZQ==` }],
  ['no version', 400, { [VERSION]: undefined }],
  ...['0', '7', '12', '14', '-13', '13, 12', 'abc', ''].map(
    (version) => [`version ${version}`, 400, { [VERSION]: version }] as const,
  ),
  ['two versions', 400, { more: `${VERSION}: 13` }],
  ['a subprotocol twice', 400, { more: `${PROTOCOL}: roomlog.v1` }],
  ['a list of subprotocols with a gap', 400, { [PROTOCOL]: 'roomlog.v1,,x' }],
  ['headers above 16 KiB', 431, { more: `X-Long: ${'x'.repeat(20_000)}` }],
  ['NUL in a header', 400, { more: 'X-Odd: a\0b' }],
  ['a folded header', 400, { more: 'X-Odd: a\r\n b' }],
  ['two lengths', 400, { more: 'Transfer-Encoding: chunked\r\nContent-Length: 5' }],
  ['two origins, the allowed one first', 403, { more: `${ALLOWED}\r\nOrigin: https://evil.example` }],
  ['two origins, the allowed one last', 403, { more: `Origin: https://evil.example\r\n${ALLOWED}` }],
  ['an empty origin', 403, { Origin: '' }],
]

/** A second request, behind the first. */
const NEXT = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

suiteOn(['postgres'], 'the upgrade, on the wire', () => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let userId: string

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    edge = resources.use(await world.edge({}, { handshakes: { perSecond: 10_000, burst: 10_000 } }))
    userId = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  async function ask(changed: RequestParts, behind: string | Buffer = ''): Promise<RawSocket> {
    const socket = await RawSocket.open(Number(new URL(edge.url).port))
    socket.write(RawSocket.handshake(tokenFor(userId), changed))
    socket.write(behind)
    return socket
  }

  describe('is made', () => {
    test.each(UPGRADED)('%s, without extensions', async (_name, changed) => {
      using socket = await ask(changed, rawFrame('{"type":"heartbeat","ref":"it"}'))
      const head = await socket.head()
      expect(head).toMatch(/^HTTP\/1\.1 101 /)
      expect(head).toContain(ACCEPT)
      expect(head).toContain(`${PROTOCOL}: roomlog.v1`)
      expect(head).not.toMatch(/extensions|bearer/i)
      expect(await socket.answers('heartbeatAck it')).toEqual(['welcome', 'heartbeatAck it'])
    })
  })

  const answers = (status: number) => new RegExp(`^HTTP/1\\.1 ${status} `)

  describe('is not what is asked for by', () => {
    test.each(NONE)('%s: %d', async (_name, status, changed) => {
      using socket = await ask(changed)
      expect(await socket.head()).toMatch(answers(status))
      // One that it had given away would stay.
      edge.app.server.closeAllConnections()
      expect(await socket.rest()).not.toContain('HTTP/1.1')
    })
  })

  describe('is refused, and the connection with it', () => {
    test.each(REFUSED)('%s: %d', async (_name, status, changed) => {
      using socket = await ask(changed, NEXT)
      const head = await socket.head()
      expect(head).toMatch(answers(status))
      if (VERSION in changed) expect(head).toContain(`${VERSION}: 13`)
      expect(await socket.rest()).not.toContain('HTTP/1.1')
    })

    test('CONNECT: without a word', async () => {
      using socket = await ask({ request: 'CONNECT localhost:443 HTTP/1.1' })
      expect(await socket.head()).toBe('')
    })
  })

  test('is refused alike with a good token and a bad one: it is looked at last', async () => {
    const answers = [tokenFor(userId), 'nonsense'].map(async (token) => {
      using socket = await ask({ [PROTOCOL]: `roomlog.v1, bearer.${token}`, Origin: 'null' })
      return (await socket.head()).replace(/x-request-id: .*|date: .*/gi, '')
    })
    const [good, bad] = await Promise.all(answers)
    expect(good).toMatch(/^HTTP\/1\.1 403 /)
    expect(bad).toBe(good)
  })

  test('of many at once that are refused leaves nothing behind', async () => {
    const connections = () => new Promise((resolve) => edge.app.server.getConnections((_e, n) => resolve(n)))
    const sockets = await Promise.all([...NONE, ...REFUSED].map(([, , changed]) => ask(changed)))
    await Promise.all(sockets.map((socket) => socket.head()))
    edge.app.server.closeAllConnections()
    await expect.poll(connections).toBe(0)
  })
})
