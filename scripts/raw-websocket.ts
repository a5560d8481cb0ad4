/** What a client of WebSocket writes, for sockets that are to cost less than the server that they load (RFC 6455). */
import { randomBytes } from 'node:crypto'
import { BEARER_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@roomlog/protocol/wire'

/** Any but zeros, which `ws` would leave out of what it does for a client's frame. */
const MASK = [0x5a, 0x3c, 0x71, 0x96] as const
const FIN_AND_TEXT = 0x81
const MASKED = 0x80
/** What stands in the second byte is the length itself, or says that two bytes of it follow. */
const LENGTH_IN_2 = 126

/** An answer's head, and that of what is asked, ends with it. */
export const END_OF_HEAD = '\r\n\r\n'
export const UPGRADED = 'HTTP/1.1 101'

/** A handshake (4.1), with these headers, as in `Name: value`, beside its own. */
export function upgradeRequest(
  { host, pathname, search }: Pick<URL, 'host' | 'pathname' | 'search'>,
  headers: readonly string[] = [],
): string {
  const lines = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...headers,
  ]
  return lines.join('\r\n') + END_OF_HEAD
}

/** The header by which a client names Roomlog's protocol, and shows its token where it has one. */
export function protocolHeader(token?: string): string {
  const bearer = token === undefined ? '' : `, ${BEARER_SUBPROTOCOL_PREFIX}${token}`
  return `Sec-WebSocket-Protocol: ${SUBPROTOCOL}${bearer}`
}

/** A text message of less than 64 KiB in one frame (5.2). */
export function maskedText(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const head =
    length < LENGTH_IN_2
      ? [FIN_AND_TEXT, MASKED | length, ...MASK]
      : [FIN_AND_TEXT, MASKED | LENGTH_IN_2, length >> 8, length & 0xff, ...MASK]
  const frame = Buffer.allocUnsafe(head.length + length)
  frame.set(head)
  frame.write(text, head.length)
  for (let i = 0; i < length; i += 1) {
    frame[head.length + i] = (frame[head.length + i] ?? 0) ^ (MASK[i % 4] ?? 0)
  }
  return frame
}
