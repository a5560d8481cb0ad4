import { type Kysely, sql } from 'kysely'
import { sqlState } from './errors.ts'
import { lockSchema } from './schema-lock.ts'

/** One role per service, none of which may change the schema. They cannot log in: a session takes its role at connect. */
export const ROLES = { edge: 'roomlog_edge', api: 'roomlog_api', persister: 'roomlog_persister' } as const

const { edge, api, persister } = ROLES

const GRANTS = [
  ...[edge, api, persister].flatMap((role) => [
    sql`GRANT USAGE ON SCHEMA chat, engine TO ${sql.id(role)}`,
    sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA engine TO ${sql.id(role)}`,
    sql`GRANT USAGE ON ALL SEQUENCES IN SCHEMA engine TO ${sql.id(role)}`,
    sql`GRANT SELECT ON chat.cluster TO ${sql.id(role)}`,
  ]),
  sql`GRANT SELECT ON chat.rooms, chat.room_members, chat.messages TO ${sql.id(edge)}`,
  sql`GRANT SELECT, INSERT ON chat.messages TO ${sql.id(persister)}`,
  sql`GRANT SELECT, UPDATE (last_seq, last_message_id, last_message_at) ON chat.rooms TO ${sql.id(persister)}`,
  sql`GRANT SELECT, INSERT, UPDATE, DELETE ON chat.users, chat.refresh_families, chat.refresh_tokens,
    chat.room_members, chat.room_bans TO ${sql.id(api)}`,
  sql`GRANT SELECT, INSERT ON chat.past_members TO ${sql.id(api)}`,
  sql`GRANT SELECT ON chat.messages TO ${sql.id(api)}`,
  sql`GRANT SELECT, INSERT (id, name, visibility, member_version, member_count, created_at),
    UPDATE (name, visibility, member_version, member_count) ON chat.rooms TO ${sql.id(api)}`,
]

/** 42501: the login may not make roles; services then work as the login itself. */
const NOT_ALLOWED = '42501'
/** What a twin that makes the same role at the same time gets. */
const MADE_BY_A_TWIN = new Set(['42710', '23505', 'XX000'])

/** Makes the roles, lets the login take them, grants. Resolves false when the login may not make roles. */
export async function grantRoles(db: Kysely<unknown>): Promise<boolean> {
  for (const role of Object.values(ROLES)) {
    if (!(await makeRole(db, role))) return false
  }
  await db.transaction().execute(async (trx) => {
    // Two sessions that grant on one table at once fail each other ("tuple concurrently updated").
    await lockSchema(trx)
    for (const grant of GRANTS) await grant.execute(trx)
  })
  return true
}

async function makeRole(db: Kysely<unknown>, role: string): Promise<boolean> {
  const existing = await sql`SELECT 1 FROM pg_roles WHERE rolname = ${role}`.execute(db)
  try {
    if (existing.rows.length === 0) await sql`CREATE ROLE ${sql.id(role)} NOLOGIN`.execute(db)
  } catch (error) {
    const state = sqlState(error) ?? ''
    if (state === NOT_ALLOWED) return false
    if (!MADE_BY_A_TWIN.has(state)) throw error
  }
  return takeRole(db, role)
}

async function takeRole(db: Kysely<unknown>, role: string): Promise<boolean> {
  try {
    await sql`GRANT ${sql.id(role)} TO CURRENT_USER`.execute(db)
  } catch (error) {
    const state = sqlState(error) ?? ''
    if (state === NOT_ALLOWED) return false
    // A superuser needs no membership; a twin that grants the same at the same time is as good as ourselves.
    if (!MADE_BY_A_TWIN.has(state)) throw error
  }
  return true
}
