import { type Kysely, sql } from 'kysely'
import { connect } from './connect.ts'
import { ROLES } from './roles.ts'
import { lockSchema } from './schema-lock.ts'

/** Who works at the database for long, and the one role that each may take. */
export const LOGINS = {
  roomlog_edge_login: ROLES.edge,
  roomlog_api_login: ROLES.api,
  roomlog_persister_login: ROLES.persister,
  roomlog_auditor_login: ROLES.edge,
} as const

export type Login = keyof typeof LOGINS

/**
 * Makes the logins, or gives those that are there these passwords. By itself a login may do nothing: it has the rights of
 * its role once it has taken it. `url` is of a superuser, or of the login that made the roles.
 */
export async function makeLogins(url: string, passwords: Readonly<Record<Login, string>>): Promise<void> {
  const database = connect({ url, applicationName: 'roomlog-migrate', poolSize: 1, statementTimeoutMs: 0 })
  try {
    await database.db.transaction().execute(async (trx) => {
      // One of two racing sessions would find the name taken.
      await lockSchema(trx as unknown as Kysely<unknown>)
      for (const login of Object.keys(LOGINS) as Login[]) {
        const { rows } = await sql`SELECT FROM pg_roles WHERE rolname = ${login}`.execute(trx)
        if (rows.length === 0) await sql`CREATE ROLE ${sql.id(login)}`.execute(trx)
        // No parameter can stand here.
        const password = sql.lit(passwords[login])
        await sql`ALTER ROLE ${sql.id(login)} LOGIN NOINHERIT PASSWORD ${password}`.execute(trx)
        await sql`GRANT ${sql.id(LOGINS[login])} TO ${sql.id(login)}`.execute(trx)
      }
    })
  } finally {
    await database.close()
  }
}
