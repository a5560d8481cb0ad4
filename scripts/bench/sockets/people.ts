import { newId, TOKEN_AUDIENCES, TOKEN_ISSUER, TOKEN_TYPE } from '@roomlog/protocol'
import {
  createLogger,
  createMetrics,
  createServer,
  privateKeySetting,
  publicKeysSetting,
  tokens,
} from '@roomlog/service-kit'
import { sql } from 'kysely'
import { withDatabase } from '../../chaos/database.ts'
import type { Stack } from '../../chaos/stack.ts'

export interface Inhabitant {
  readonly userId: string
  readonly roomId: string
}

const TOKEN_TTL_S = 3600

/** Rooms of so many members each, who are in no other; stored past the api, which would hash a password for each. */
export function settle(stack: Stack, rooms: number, membersEach: number): Promise<readonly Inhabitant[]> {
  const roomIds = Array.from({ length: rooms }, () => newId())
  const people = roomIds.flatMap((roomId) =>
    Array.from({ length: membersEach }, () => ({ roomId, userId: newId() })),
  )
  const [users, theirs] = [people.map(({ userId }) => userId), people.map(({ roomId }) => roomId)]
  return withDatabase(stack.servers.postgres.url, async (db) => {
    await sql`
      INSERT INTO chat.users (id, username, display_name)
      SELECT id, lower(id), id FROM unnest(${users}::text[]) AS id`.execute(db)
    await sql`
      INSERT INTO chat.rooms (id, name, visibility, member_count)
      SELECT id, id, 'private', ${membersEach} FROM unnest(${roomIds}::text[]) AS id`.execute(db)
    await sql`
      INSERT INTO chat.room_members (room_id, user_id, role)
      SELECT room_id, user_id, 'member' FROM unnest(${theirs}::text[], ${users}::text[]) AS m (room_id, user_id)
      `.execute(db)
    return people
  })
}

export type Mint = (userId: string) => string

/** Makes tokens as the api of this Roomlog does, with its key. */
export async function mint(stack: Stack): Promise<Mint> {
  const { JWT_PRIVATE_KEY = '', JWT_PUBLIC_KEYS = '' } = stack.specOf('api').env
  const app = await createServer({
    log: createLogger({ name: 'bench', level: 'silent' }),
    isUnavailable: () => false,
    metrics: createMetrics(),
  })
  await app.register(tokens, {
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCES.ws,
    type: TOKEN_TYPE,
    publicKeys: publicKeysSetting.parse(JWT_PUBLIC_KEYS),
    signing: {
      key: privateKeySetting.parse(JWT_PRIVATE_KEY),
      audiences: Object.values(TOKEN_AUDIENCES),
      ttlS: TOKEN_TTL_S,
    },
  })
  return (userId) => app.mintToken({ userId, sessionId: newId(), tokenId: newId() })
}
