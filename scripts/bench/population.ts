import { sign } from 'node:crypto'
import { connect } from '@roomlog/db'
import { newId, TOKEN_AUDIENCES, TOKEN_ISSUER, TOKEN_TYPE } from '@roomlog/protocol'
import { privateKeySetting } from '@roomlog/service-kit'
import { sql } from 'kysely'
import type { Stack } from '../chaos/stack.ts'

export interface PopulationSize {
  readonly users: number
  readonly rooms: number
  readonly membersEach: number
}

export interface Population {
  readonly users: readonly string[]
  readonly rooms: readonly string[]
}

const TOKEN_TTL_S = 3600
/** Rows of one statement. */
const CHUNK = 50_000

/**
 * People without passwords and private rooms of theirs, many in a second. Members of room r are the users from
 * r × `membersEach` on, round and round: all users are in as many rooms, or in one more.
 */
export async function populate(databaseUrl: string, size: PopulationSize): Promise<Population> {
  const users = ids(size.users)
  const rooms = ids(size.rooms)
  const { db, close } = connect({ url: databaseUrl, applicationName: 'roomlog-bench' })
  try {
    await sql`INSERT INTO chat.users (id, username, display_name)
      SELECT id, 'bench_' || lower(id), 'Bench' FROM unnest(${users}::text[]) id`.execute(db)
    for (let from = 0; from < rooms.length; from += CHUNK) {
      await sql`WITH r AS (
          SELECT id, (${from} + n - 1)::int AS at
          FROM unnest(${rooms.slice(from, from + CHUNK)}::text[]) WITH ORDINALITY AS t (id, n)
        ), made AS (
          INSERT INTO chat.rooms (id, name, visibility, member_count)
          SELECT id, 'Bench ' || at, 'private', ${size.membersEach} FROM r RETURNING id
        )
        INSERT INTO chat.room_members (room_id, user_id, role)
        SELECT r.id, (${users}::text[])[(r.at * ${size.membersEach} + k) % ${users.length} + 1],
          CASE WHEN k = 0 THEN 'owner' ELSE 'member' END
        FROM r JOIN made ON made.id = r.id CROSS JOIN generate_series(0, ${size.membersEach - 1}) k`.execute(
        db,
      )
    }
    await sql`ANALYZE chat.users, chat.rooms, chat.room_members`.execute(db)
  } finally {
    await close()
  }
  return { users, rooms }
}

/** Access tokens, one of each user, as the api of that Roomlog would sign them. */
export function tokensOf(stack: Stack, users: readonly string[]): readonly string[] {
  return users.map(mintOf(privateKeyOf(stack)))
}

export function privateKeyOf(stack: Stack): string {
  return stack.specOf('api').env.JWT_PRIVATE_KEY ?? ''
}

/** Makes a new token at each call; `privateKey` as in `JWT_PRIVATE_KEY`. */
export function mintOf(privateKey: string): (userId: string) => string {
  const { kid, pem } = privateKeySetting.parse(privateKey)
  const header = base64url({ alg: 'EdDSA', typ: TOKEN_TYPE, kid })
  const iat = Math.floor(Date.now() / 1000)
  return (sub) => {
    const claims = {
      iss: TOKEN_ISSUER,
      aud: Object.values(TOKEN_AUDIENCES),
      sub,
      sid: newId(),
      jti: newId(),
      iat,
      exp: iat + TOKEN_TTL_S,
    }
    const signed = `${header}.${base64url(claims)}`
    return `${signed}.${sign(null, Buffer.from(signed), pem).toString('base64url')}`
  }
}

/** People who are in one room each: what they show at their handshake, and that room. */
export async function inhabitants(
  stack: Stack,
  size: PopulationSize,
): Promise<readonly { readonly token: string; readonly roomId: string }[]> {
  const { users, rooms } = await populate(stack.servers.postgres.url, size)
  return tokensOf(stack, users).map((token, i) => ({
    token,
    roomId: rooms[Math.floor(i / size.membersEach)] ?? '',
  }))
}

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, () => newId())
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
