import { connect } from 'node:net'
import { addressOf, attack, every, type Ground } from '../attack.ts'

const CONNECTIONS = 200
const BYTE_MS = 1000
/** Longer than the longest that the server lets them live. */
const LEAST_SECONDS = 20

const HEADERS = 'GET /livez HTTP/1.1\r\nhost: roomlog\r\n'
const BODY = `POST /auth/login HTTP/1.1\r\nhost: roomlog\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`

export const slowHeaders = attack({
  id: 'slow-headers',
  what: `${CONNECTIONS} connections, a header each second, to api and edge each`,
  on: 'api',
  leastSeconds: LEAST_SECONDS,
  expected: ['408'],
  run: (ground) => {
    for (const url of [ground.apiUrl, ground.wsUrl]) drip(ground, url, HEADERS, 'x: y\r\n')
  },
})

export const slowBodies = attack({
  id: 'slow-bodies',
  what: `${CONNECTIONS} connections, a byte of the body each second`,
  on: 'api',
  leastSeconds: LEAST_SECONDS,
  expected: ['408'],
  run: (ground) => drip(ground, ground.apiUrl, BODY, ' '),
})

function drip(ground: Ground, url: URL, beginning: string, rest: string): void {
  for (let index = 0; index < CONNECTIONS; index += 1) dripOne(ground, url, addressOf(index), beginning, rest)
}

/** Comes again whenever it is closed. */
function dripOne(ground: Ground, url: URL, localAddress: string, beginning: string, rest: string): void {
  const { tally, over } = ground
  const socket = connect({ host: url.hostname, port: Number(url.port), localAddress })
  const startedAtMs = performance.now()
  let heard = ''
  tally.connected()
  socket.on('data', (data) => {
    heard += data.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.write(beginning)
  tally.sent(beginning.length)
  const ended = new AbortController()
  const either = AbortSignal.any([over, ended.signal])
  every(BYTE_MS, either, () => {
    if (socket.writable) socket.write(rest)
    tally.sent(rest.length, 0)
    tally.lived(performance.now() - startedAtMs)
  })
  over.addEventListener('abort', () => socket.destroy(), { once: true })
  socket.on('close', () => {
    ended.abort()
    if (over.aborted) return
    tally.answered(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1] ?? 'lost')
    tally.lived(performance.now() - startedAtMs)
    dripOne(ground, url, localAddress, beginning, rest)
  })
}
