import { sql } from 'kysely'
import { type PopulationSize, populate, tokensOf } from '../bench/population.ts'
import { withDatabase } from '../chaos/database.ts'
import type { Field } from './attack.ts'

export interface Attackers {
  readonly userIds: readonly string[]
  readonly tokens: readonly string[]
  readonly rooms: readonly string[]
}

/** People of an attacker's, with rooms of theirs. */
export async function attackersOf({ stack, databaseUrl }: Field, size: PopulationSize): Promise<Attackers> {
  const { users, rooms } = await populate(databaseUrl, size)
  return { userIds: users, tokens: tokensOf(stack, users), rooms }
}

/** Makes these people members of these rooms, too. */
export function enrol(
  { databaseUrl }: Field,
  rooms: readonly string[],
  userIds: readonly string[],
): Promise<void> {
  return withDatabase(databaseUrl, async (db) => {
    await sql`INSERT INTO chat.room_members (room_id, user_id, role)
      SELECT room_id, user_id, 'member' FROM unnest(${rooms}::text[]) room_id
      CROSS JOIN unnest(${userIds}::text[]) user_id`.execute(db)
    await sql`UPDATE chat.rooms SET member_count = member_count + ${userIds.length}
      WHERE id = ANY (${rooms}::text[])`.execute(db)
  })
}

export function makePublic({ databaseUrl }: Field, rooms: readonly string[]): Promise<void> {
  return withDatabase(databaseUrl, async (db) => {
    await sql`UPDATE chat.rooms SET visibility = 'public' WHERE id = ANY (${rooms}::text[])`.execute(db)
  })
}
