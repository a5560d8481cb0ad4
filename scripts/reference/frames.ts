import { readFileSync } from 'node:fs'
import {
  CLOSE_CODES,
  clientFrameSchemas,
  DEFAULT_LIMITS,
  SEND_FAILURES,
  SUBPROTOCOL,
  WS_PATH,
} from '@roomlog/protocol'
import { z } from 'zod'
import { markdown } from '../markdown.ts'
import { type JsonSchema, typeText } from './type-text.ts'

const SOURCE = new URL('../../packages/protocol/src/frames.ts', import.meta.url)
const SERVER_FRAME = /^export type ServerFrame =\n.*?(?=\n\n)/ms

/** Every frame, close code and limit of the socket. */
export function frames(): string {
  const ofClients = Object.entries(clientFrameSchemas(DEFAULT_LIMITS)).map(([type, schema]) => [
    `\`${type}\``,
    `\`${typeText(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema).replaceAll('|', '\\|')}\``,
  ])
  const failures = Object.entries(SEND_FAILURES).map(([code, { retryable }]) => [
    `\`${code}\``,
    retryable ? 'with the same `clientMsgId`' : 'no: it will never appear',
  ])
  const closes = Object.entries(CLOSE_CODES).map(([name, { code, client }]) => [String(code), name, client])
  const limits = Object.entries(DEFAULT_LIMITS).map(([name, value]) => [`\`${name}\``, String(value)])
  return [
    '## WebSocket',
    '',
    `\`${WS_PATH}\` with the subprotocol \`${SUBPROTOCOL}\`; one JSON object in each text frame. The access token comes as`,
    '`Authorization: Bearer …`, or from browsers as a second subprotocol `bearer.<token>`. Unknown fields are ignored; clients',
    'ignore frames of unknown types.',
    '',
    '### What clients send',
    '',
    markdown([['type', 'fields'], ...ofClients]),
    '',
    '### What edges send',
    '',
    '```ts',
    SERVER_FRAME.exec(readFileSync(SOURCE, 'utf8'))?.[0] ?? '',
    '```',
    '',
    '### Failed sends',
    '',
    markdown([['code', 'send it again?'], ...failures]),
    '',
    '### Close codes',
    '',
    markdown([['code', 'name', 'what a client does'], ...closes]),
    '',
    '### Limits',
    '',
    'Settings of an edge, in capitals; told in `welcome.limits` and by `GET /config`.',
    '',
    markdown([['limit', 'default'], ...limits]),
    '',
  ].join('\n')
}
