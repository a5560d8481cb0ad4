import type { AddressInfo } from 'node:net'
import { connect, migrate, ROLES } from '@roomlog/db'
import {
  BEARER_SUBPROTOCOL_PREFIX,
  newId,
  SUBPROTOCOL,
  TOKEN_AUDIENCES,
  TOKEN_ISSUER,
  TOKEN_TYPE,
  WS_PATH,
} from '@roomlog/protocol'
import {
  createLogger,
  createMetrics,
  createServer,
  privateKeySetting,
  publicKeysSetting,
  tokens,
} from '@roomlog/service-kit'
import { controlledPostgres } from '@roomlog/testkit/proof'
import { buildApp } from '@roomlog/ws-edge/app'
import { parseConfig } from '@roomlog/ws-edge/config'
import { makeKeys } from '../../start/keys.ts'
import { stubLog } from './stub-log.ts'

const TOKEN_TTL_S = 3600
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
  const { userId, roomId } = await memberOfRoom(url)
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
  const app = await buildApp(config, { log: LOG, openLog: async () => stubLog(() => undefined) })
  stack.defer(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  while ((await app.inject({ url: '/readyz' })).statusCode !== 200) await new Promise(setImmediate)
  const { port } = app.server.address() as AddressInfo
  const bearer = `${BEARER_SUBPROTOCOL_PREFIX}${await tokenFor(userId, keys)}`
  const headers = [`Sec-WebSocket-Protocol: ${SUBPROTOCOL}, ${bearer}`]
  const everything = stack.move()
  return {
    port,
    path: WS_PATH,
    headers,
    roomId,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

async function memberOfRoom(url: string) {
  const { db, close } = connect({ url, applicationName: 'roomlog-bench' })
  const [userId, roomId] = [newId(), newId()]
  try {
    const user = { username: 'somebody', display_name: 'Somebody', password_hash: null }
    await db
      .insertInto('chat.users')
      .values({ id: userId, ...user })
      .execute()
    const room = { name: 'room', visibility: 'public', member_count: 1 } as const
    await db
      .insertInto('chat.rooms')
      .values({ id: roomId, ...room })
      .execute()
    const member = { room_id: roomId, user_id: userId, role: 'member' } as const
    await db.insertInto('chat.room_members').values(member).execute()
    return { userId, roomId }
  } finally {
    await close()
  }
}

async function tokenFor(userId: string, keys: ReturnType<typeof makeKeys>): Promise<string> {
  const app = await createServer({ log: LOG, isUnavailable: () => false, metrics: createMetrics() })
  try {
    await app.register(tokens, {
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCES.ws,
      type: TOKEN_TYPE,
      publicKeys: publicKeysSetting.parse(keys.JWT_PUBLIC_KEYS),
      signing: {
        key: privateKeySetting.parse(keys.JWT_PRIVATE_KEY),
        audiences: Object.values(TOKEN_AUDIENCES),
        ttlS: TOKEN_TTL_S,
      },
    })
    await app.ready()
    return app.mintToken({ userId, sessionId: newId(), tokenId: newId() })
  } finally {
    await app.close()
  }
}
