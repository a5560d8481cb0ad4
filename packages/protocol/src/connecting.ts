// What both ends of a socket agree on before its first frame, and what a token says.

export const WS_PATH = '/ws'
export const SUBPROTOCOL = 'roomlog.v1'
/** Browsers cannot set headers on a WebSocket: the token comes as a second subprotocol, which is never echoed. */
export const BEARER_SUBPROTOCOL_PREFIX = 'bearer.'
export const HEARTBEAT_INTERVAL_MS = 20_000

export const TOKEN_ISSUER = 'roomlog'
/** A token is minted for both; each service checks its own. */
export const TOKEN_AUDIENCES = { api: 'roomlog-api', ws: 'roomlog-ws' } as const
export const TOKEN_TYPE = 'at+jwt'
