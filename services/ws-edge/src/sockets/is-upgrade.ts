import type { IncomingMessage } from 'node:http'
import { WS_PATH } from '@roomlog/protocol'

/**
 * Whether a request asks for a WebSocket in the words of RFC 6455 (4.2.1) where there is one; what is wrong with its key or
 * version `ws` answers. Nothing would end the connection of an upgrade that is answered before it is known for one.
 */
export function isUpgrade({ method, httpVersion, url, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || headers.host === undefined) return false
  return headers.upgrade?.toLowerCase() === 'websocket' && pathOf(url) === WS_PATH
}

/** Proxies may send all of a URL. */
function pathOf(target = ''): string | undefined {
  return URL.parse(target, 'http://edge')?.pathname
}
