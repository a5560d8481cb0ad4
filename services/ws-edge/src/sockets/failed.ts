import { CLOSE_CODES } from '@roomlog/protocol'
import type { FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'

/**
 * What a socket's connection or its peer's bytes came to, or what accepting it threw. For a broken rule of the protocol
 * `ws` has sent the close code already (1002, 1007, 1009): ending the socket here would lose it.
 */
export function socketFailed(
  error: Error,
  socket: WebSocket,
  { log, ip }: Pick<FastifyRequest, 'log' | 'ip'>,
): void {
  const code = 'code' in error ? String(error.code) : ''
  if (code.startsWith('WS_ERR_') || code === 'ECONNRESET' || code === 'EPIPE') {
    log.debug({ err: error, ip }, 'socket ended by its peer')
    return
  }
  log.error({ err: error }, 'socket failed')
  socket.close(CLOSE_CODES.internal.code, 'internal')
}
