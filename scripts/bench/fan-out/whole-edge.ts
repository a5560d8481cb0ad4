import type { AddressInfo } from 'node:net'
import { migrate, ROLES } from '@roomlog/db'
import { WS_PATH } from '@roomlog/protocol'
import { createLogger } from '@roomlog/service-kit'
import { controlledPostgres } from '@roomlog/testkit/proof'
import { buildApp } from '@roomlog/ws-edge/app'
import { parseConfig } from '@roomlog/ws-edge/config'
import { protocolHeader } from '../../raw-websocket.ts'
import { makeKeys } from '../../start/keys.ts'
import { mintOf, populate } from '../population.ts'
import { stubLog } from './stub-log.ts'

const LOG = createLogger({ name: 'bench', level: 'silent' })
/** No limit is what is measured. */
const UNLIMITED = {
  MAX_SOCKETS_PER_USER: '10000',
  MESSAGES_PER_SECOND: '100000',
  MESSAGE_BURST: '100000',
  ROOM_MESSAGES_PER_SECOND: '100000',
  FRAMES_PER_SECOND: '100000',
  HANDSHAKES_PER_SECOND: '1000000',
  HANDSHAKE_BURST: '1000000',
}

/** An edge in this process, whole but for its log, which takes every record at once. */
export interface WholeEdge extends AsyncDisposable {
  readonly port: number
  readonly path: string
  /** Of a user's handshake. */
  readonly headers: readonly string[]
  /** Of which the user is a member. */
  readonly roomId: string
}

export async function wholeEdge(): Promise<WholeEdge> {
  await using stack = new AsyncDisposableStack()
  const { url } = stack.use(await controlledPostgres())
  await migrate(url)
  const { users, rooms } = await populate(url, { users: 1, rooms: 1, membersEach: 1 })
  const [userId = '', roomId = ''] = [users[0], rooms[0]]
  const keys = makeKeys()
  const config = parseConfig({
    ...UNLIMITED,
    ENGINE: 'embedded',
    DATABASE_URL: url,
    DATABASE_ROLE: ROLES.edge,
    PORT: '0',
    EDGE_ID: 'bench',
    JWT_PUBLIC_KEYS: keys.JWT_PUBLIC_KEYS,
  })
  const app = await buildApp(config, { log: LOG, openLog: async () => stubLog() })
  stack.defer(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  while ((await app.inject({ url: '/readyz' })).statusCode !== 200) await new Promise(setImmediate)
  const { port } = app.server.address() as AddressInfo
  const headers = [protocolHeader(mintOf(keys.JWT_PRIVATE_KEY)(userId))]
  const everything = stack.move()
  return {
    port,
    path: WS_PATH,
    headers,
    roomId,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}
