import { postgres, suiteOn, type TestPostgres } from '@roomlog/testkit'
import { type RawBuilder, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  connect,
  type Database,
  LOGINS,
  type Login,
  makeLogins,
  migrate,
  ROLES,
  sqlState,
} from '../src/index.ts'

type Service = keyof typeof ROLES
const SERVICES = Object.keys(ROLES) as Service[]
const DENIED = '42501'
const PASSWORD = 'a-password-of-a-test'

const NOTHING = { edge: '', api: '', persister: '' }
/** All three append to the log, read it, keep their place and tell of presence there, on the embedded engine. */
const ENGINE = {
  edge: 'select insert update delete',
  api: 'select insert update delete',
  persister: 'select insert update delete',
}
const ACCOUNTS = { ...NOTHING, api: 'select insert update delete' }

/** What each service's role may do with each table there is. Columns are named where it is not all of them. */
const EXPECTED: Readonly<Record<string, Readonly<Record<Service, string>>>> = {
  'chat.cluster': { edge: 'select', api: 'select', persister: 'select' },
  'chat.users': ACCOUNTS,
  'chat.refresh_families': ACCOUNTS,
  'chat.refresh_tokens': ACCOUNTS,
  'chat.room_bans': ACCOUNTS,
  'chat.room_members': { ...ACCOUNTS, edge: 'select' },
  'chat.past_members': { ...NOTHING, api: 'select insert' },
  'chat.rooms': {
    edge: 'select',
    api: 'select insert(created_at id member_count member_version name visibility) update(member_count member_version name visibility)',
    persister: 'select update(last_message_at last_message_id last_seq)',
  },
  'chat.messages': { edge: 'select', api: 'select', persister: 'select insert' },
  'chat.kysely_migration': NOTHING,
  'chat.kysely_migration_lock': NOTHING,
  'engine.log_heads': ENGINE,
  'engine.log_records': ENGINE,
  'engine.log_cursors': ENGINE,
  'engine.log_members': ENGINE,
  'engine.presence_sockets': ENGINE,
  'engine.presence_users': ENGINE,
}

interface Table {
  readonly name: string
  /** But for generated ones, which nobody can write. */
  readonly columns: readonly string[]
}

suiteOn(['postgres'], 'the services’ database roles', () => {
  let server: TestPostgres
  let admin: Database
  let tables: readonly Table[]
  const databases: Database[] = []
  const open = (url: string, role?: string) => {
    const database = connect({ url, role, applicationName: 'test' })
    databases.push(database)
    return database
  }

  beforeAll(async () => {
    server = await postgres()
    await migrate(server.url)
    admin = open(server.url)
    const { rows } = await sql<Table>`
      SELECT format('%I.%I', n.nspname, c.relname) AS name,
        array_agg(a.attname::text ORDER BY a.attname) FILTER (WHERE a.attgenerated = '') AS columns
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      GROUP BY 1`.execute(admin.db)
    tables = rows
  })
  afterAll(async () => {
    for (const database of databases) await database.close()
    await server[Symbol.asyncDispose]()
  })

  const stateOf = ({ db }: Database, statement: RawBuilder<unknown>) =>
    statement.execute(db).then(() => undefined, sqlState)
  const may = async (as: Database, statement: RawBuilder<unknown>) => {
    const state = await stateOf(as, statement)
    expect([undefined, DENIED]).toContain(state)
    return state === undefined
  }

  /** By trying: none of these finds a row. */
  async function verbsOf(as: Database, { name, columns }: Table): Promise<string> {
    const table = sql.table(name)
    const allowed = async (verb: string, on: (column: RawBuilder<unknown>) => RawBuilder<unknown>) => {
      const found: string[] = []
      for (const column of columns) if (await may(as, on(sql.ref(column)))) found.push(column)
      if (found.length === 0) return []
      return [found.length === columns.length ? verb : `${verb}(${found.join(' ')})`]
    }
    return [
      ...(await allowed('select', (column) => sql`SELECT ${column} FROM ${table} WHERE false`)),
      ...(await allowed(
        'insert',
        (column) => sql`INSERT INTO ${table} (${column}) SELECT ${column} FROM ${table} WHERE false`,
      )),
      ...(await allowed('update', (column) => sql`UPDATE ${table} SET ${column} = ${column} WHERE false`)),
      ...((await may(as, sql`DELETE FROM ${table} WHERE false`)) ? ['delete'] : []),
    ].join(' ')
  }

  test('are told of every table, and of none besides', () => {
    expect(tables.map(({ name }) => name).toSorted()).toEqual(Object.keys(EXPECTED).toSorted())
  })

  describe.each(SERVICES)('%s', (service) => {
    test('may read and write what the table says, column by column', async () => {
      const as = open(server.url, ROLES[service])
      const found: Record<string, string> = {}
      for (const table of tables) found[table.name] = await verbsOf(as, table)
      const expected = Object.entries(EXPECTED).map(([name, verbs]) => [name, verbs[service]])
      expect(found).toEqual(Object.fromEntries(expected))
    })

    test('may neither drop, empty, change, lock out, index nor trigger any table', async () => {
      const as = open(server.url, ROLES[service])
      for (const { name } of tables) {
        const table = sql.table(name)
        const statements = {
          drop: sql`DROP TABLE ${table} CASCADE`,
          truncate: sql`TRUNCATE ${table} CASCADE`,
          alter: sql`ALTER TABLE ${table} ADD COLUMN x text`,
          rename: sql`ALTER TABLE ${table} RENAME TO x`,
          index: sql`CREATE INDEX ON ${table} ((1))`,
          policy: sql`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
          trigger: sql`CREATE TRIGGER x BEFORE INSERT ON ${table} EXECUTE FUNCTION chat.keep_past_members()`,
          // Of what one may not do oneself PostgreSQL only warns: nothing is granted.
          owner: sql`ALTER TABLE ${table} OWNER TO CURRENT_USER`,
        }
        for (const [what, statement] of Object.entries(statements)) {
          expect([name, what, await stateOf(as, statement)]).toEqual([name, what, DENIED])
        }
      }
    })

    test('may make nothing in the database, and no role', async () => {
      const as = open(server.url, ROLES[service])
      const statements = {
        'table of chat': sql`CREATE TABLE chat.x (a int)`,
        'table of engine': sql`CREATE TABLE engine.x (a int)`,
        'public table': sql`CREATE TABLE public.x (a int)`,
        'function of chat': sql`CREATE FUNCTION chat.x() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
        'other trigger function': sql`CREATE OR REPLACE FUNCTION chat.keep_past_members() RETURNS trigger
          LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
        schema: sql`CREATE SCHEMA x`,
        role: sql`CREATE ROLE roomlog_test_x`,
        'files of the server': sql`SELECT pg_read_file('postgresql.conf')`,
        program: sql`COPY (SELECT 1) TO PROGRAM 'true'`,
      }
      for (const [what, statement] of Object.entries(statements)) {
        expect([what, await stateOf(as, statement)]).toEqual([what, DENIED])
      }
    })
  })

  test('are plain roles that nobody can log in as, and members of nothing', async () => {
    const { rows } = await sql`
      SELECT rolname AS name FROM pg_roles r WHERE rolname = ANY (${Object.values(ROLES)})
        AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication OR rolbypassrls)
        AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) ORDER BY 1`.execute(admin.db)
    expect(rows).toEqual(
      Object.values(ROLES)
        .toSorted()
        .map((name) => ({ name })),
    )
  })

  describe('a login', () => {
    const logins = Object.entries(LOGINS) as [Login, string][]
    const passwords = Object.fromEntries(logins.map(([login]) => [login, PASSWORD])) as Record<Login, string>
    const urlOf = (login: Login, password = PASSWORD) => {
      const url = new URL(server.url)
      ;[url.username, url.password] = [login, password]
      return url.href
    }

    beforeAll(() => makeLogins(server.url, passwords))

    test.each(logins)('%s may take %s and no other role', async (login, its) => {
      const as = open(urlOf(login))
      for (const role of Object.values(ROLES)) {
        const state = await stateOf(as, sql`SET ROLE ${sql.id(role)}`)
        expect([role, state]).toEqual([role, role === its ? undefined : DENIED])
      }
      expect(await stateOf(as, sql`SET ROLE ${sql.id(new URL(server.url).username)}`)).toBe(DENIED)
    })

    test.each(logins)(
      '%s may do nothing by itself, and nothing more once it has left its role',
      async (login, its) => {
        const [plain, inRole] = [open(urlOf(login)), open(urlOf(login), its)]
        for (const { name } of tables)
          expect([name, await verbsOf(plain, { name, columns: ['*'] })]).toEqual([name, ''])
        await inRole.db.connection().execute(async (db) => {
          await sql`SELECT FROM chat.cluster`.execute(db)
          await sql`RESET ROLE`.execute(db)
          await sql`SET ROLE NONE`.execute(db)
          const drop = sql`DROP TABLE chat.messages`.execute(db)
          expect(await drop.then(() => undefined, sqlState)).toBe(DENIED)
        })
      },
    )
  })
})
