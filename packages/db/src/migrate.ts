import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { connect } from './connect.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { grantRoles } from './roles.ts'
import { lockSchema } from './schema-lock.ts'

export interface MigrateResult {
  /** Names of the migrations that this run applied, in order. */
  readonly applied: readonly string[]
  /** Whether services can work under roles of their own (`DATABASE_ROLE`). */
  readonly roles: boolean
}

/** Brings the database to this build's schema. Safe to repeat and to race: one run waits for the other. */
export async function migrate(url: string): Promise<MigrateResult> {
  const database = connect({ url, applicationName: 'roomlog-migrate', poolSize: 2, statementTimeoutMs: 0 })
  try {
    const db = database.db as unknown as Kysely<unknown>
    await makeSchemas(db)
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => MIGRATIONS },
      migrationTableSchema: 'chat',
    })
    const { error, results = [] } = await migrator.migrateToLatest()
    if (error !== undefined) throw error
    const applied = results.filter((r) => r.status === 'Success').map((r) => r.migrationName)
    return { applied, roles: await grantRoles(db) }
  } finally {
    await database.close()
  }
}

async function makeSchemas(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // CREATE SCHEMA IF NOT EXISTS fails in one of two racing sessions.
    await lockSchema(trx)
    await sql`CREATE SCHEMA IF NOT EXISTS chat`.execute(trx)
    await sql`CREATE SCHEMA IF NOT EXISTS engine`.execute(trx)
  })
}
