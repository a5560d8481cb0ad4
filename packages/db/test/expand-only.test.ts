import { postgres, suiteOn, type TestPostgres } from '@roomlog/testkit'
import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database } from '../src/index.ts'
import { MIGRATIONS } from '../src/migrations/index.ts'
import { catalogOf, contractions } from './catalog.ts'

// While a version is rolled out, services of the one before run on the new schema, and they come back when it is rolled
// back: a migration may add, and take nothing away that they rely on. What no service of the version before uses any more
// may go: it is named here, by its migration, as the test tells it.
const UNUSED: Readonly<Record<string, readonly string[]>> = {}

suiteOn(['postgres'], 'migrations', () => {
  let server: TestPostgres
  let database: Database
  let db: Kysely<unknown>

  beforeAll(async () => {
    server = await postgres()
    database = connect({ url: server.url, applicationName: 'test', poolSize: 2 })
    db = database.db as unknown as Kysely<unknown>
    await sql`CREATE SCHEMA chat`.execute(db)
    await sql`CREATE SCHEMA engine`.execute(db)
  })
  afterAll(async () => {
    await database.close()
    await server[Symbol.asyncDispose]()
  })

  test('take nothing away that services of the version before rely on', async () => {
    const provider = { getMigrations: async () => MIGRATIONS }
    const migrator = new Migrator({ db, provider, migrationTableSchema: 'chat' })
    for (const name of Object.keys(MIGRATIONS)) {
      const before = await catalogOf(db)
      const { error, results } = await migrator.migrateUp()
      expect(error).toBeUndefined()
      expect(results?.map(({ migrationName }) => migrationName)).toEqual([name])
      expect(contractions(before, await catalogOf(db)), name).toEqual(UNUSED[name] ?? [])
    }
  })

  // Each of these has been somebody's outage.
  test.each([
    ['a table goes', sql`DROP TABLE chat.past_members CASCADE`, 'chat.past_members is gone'],
    ['a table is renamed', sql`ALTER TABLE chat.room_bans RENAME TO bans`, 'chat.room_bans is gone'],
    [
      'a column goes',
      sql`ALTER TABLE chat.users DROP COLUMN display_name`,
      'chat.users.display_name is gone',
    ],
    [
      'a column is renamed',
      sql`ALTER TABLE chat.users RENAME display_name TO name`,
      'chat.users.display_name is gone',
    ],
    [
      'a type changes',
      sql`ALTER TABLE chat.messages ALTER source_offset TYPE numeric`,
      'chat.messages.source_offset is numeric, was bigint',
    ],
    [
      'a value becomes required',
      sql`ALTER TABLE chat.users ALTER password_hash SET NOT NULL`,
      'chat.users.password_hash is required now',
    ],
    [
      'a default goes',
      sql`ALTER TABLE chat.rooms ALTER last_seq DROP DEFAULT`,
      'chat.rooms.last_seq is required now',
    ],
    [
      'a new column must be given',
      sql`ALTER TABLE chat.users ADD email text NOT NULL`,
      'chat.users.email must be given',
    ],
    [
      'a check is added',
      sql`ALTER TABLE chat.users ADD CONSTRAINT short CHECK (length(display_name) < 9)`,
      'chat.users: CHECK ((length(display_name) < 9)) refuses what was allowed',
    ],
    [
      'a value may occur once only',
      sql`CREATE UNIQUE INDEX ON chat.rooms (name)`,
      'chat.rooms: UNIQUE (name) refuses what was allowed',
    ],
    [
      'a new table holds on to rows of an old one',
      sql`CREATE TABLE chat.notes (room_id text COLLATE "C" REFERENCES chat.rooms)`,
      'chat.notes: FOREIGN KEY (room_id) REFERENCES chat.rooms(id) keeps rows of chat.rooms from going',
    ],
    [
      'a key goes that ON CONFLICT names',
      sql`ALTER TABLE chat.room_bans DROP CONSTRAINT room_bans_pkey`,
      'chat.room_bans: PRIMARY KEY (room_id, user_id) is gone',
    ],
  ])('%s: that is told', async (_name, statement, problem) => {
    const before = await catalogOf(db)
    const undo = new Error('undo')
    const change = db.transaction().execute(async (trx) => {
      await statement.execute(trx)
      expect(contractions(before, await catalogOf(trx))).toContain(problem)
      throw undo
    })
    await expect(change).rejects.toBe(undo)
  })

  test.each([
    ['a table', sql`CREATE TABLE chat.notes (room_id text NOT NULL UNIQUE)`],
    [
      'a column that may be left out',
      sql`ALTER TABLE chat.users ADD email text, ADD age int NOT NULL DEFAULT 0`,
    ],
    ['an index', sql`CREATE INDEX ON chat.users (display_name)`],
    ['what need not be given any more', sql`ALTER TABLE chat.users ALTER display_name DROP NOT NULL`],
  ])('%s may be added', async (_name, statement) => {
    const before = await catalogOf(db)
    const undo = new Error('undo')
    const change = db.transaction().execute(async (trx) => {
      await statement.execute(trx)
      expect(contractions(before, await catalogOf(trx))).toEqual([])
      throw undo
    })
    await expect(change).rejects.toBe(undo)
  })
})
