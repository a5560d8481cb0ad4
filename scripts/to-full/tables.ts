import { NO_SOURCE_PARTITION, type Tables } from '@roomlog/db'
import { type Kysely, sql } from 'kysely'
import { OperatorFailure } from '../operator/failure.ts'

/** All of schema `chat` but the epoch, each behind those that it refers to. */
export const TABLES = [
  'chat.users',
  'chat.refresh_families',
  'chat.refresh_tokens',
  'chat.rooms',
  'chat.room_bans',
  'chat.room_members',
  'chat.past_members',
  'chat.messages',
] as const satisfies readonly (keyof Tables)[]
type Table = (typeof TABLES)[number]
type Transaction = Kysely<Tables>

/** Rows in one statement. */
const PAGE_ROWS = 1000

export interface Contents {
  readonly rows: number
  /** Of all values of all rows, whatever their order. */
  readonly sum: string
}

/** Throws `OperatorFailure` where the two databases are not of the same build, or of another than this. */
export async function refuseOtherSchema(from: Transaction, to: Transaction): Promise<void> {
  const [source, target] = [await migrationsOf(from), await migrationsOf(to)]
  if (source.join() !== target.join()) {
    throw new OperatorFailure(
      `The databases are of different builds: the source has the migrations ${source.join(', ')}, the new one ${target.join(', ')}. Run npm run migrate of this build on the new one, and npm start (or npm run migrate) of this build once on the source.`,
    )
  }
  const { rows } = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'chat' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'kysely%'`.execute(from)
  const known = new Set<string>(['chat.cluster', ...TABLES])
  const unknown = rows.filter(({ name }) => !known.has(`chat.${name}`)).map(({ name }) => name)
  if (unknown.length > 0)
    throw new OperatorFailure(
      `This build does not know the tables ${unknown.join(', ')}. Use the one that made them.`,
    )
}

/** Throws `OperatorFailure` where something is in it already. */
export async function refuseFilled(to: Transaction): Promise<void> {
  for (const table of TABLES) {
    const found = await sql`SELECT FROM ${sql.table(table)} LIMIT 1`.execute(to)
    if (found.rows.length > 0)
      throw new OperatorFailure(
        `The new database is not empty (${table}). Give a new one: nothing is merged, and nothing replaced.`,
      )
  }
}

/** Texts of dates and bytes are the same on both sides, and nothing ends a transaction that waits for the other side. */
export async function prepare(trx: Transaction): Promise<void> {
  await sql`SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
    set_config('bytea_output', 'hex', true), set_config('idle_in_transaction_session_timeout', '0', true)`.execute(
    trx,
  )
}

/** Resolves with how many rows it has copied. */
export async function copyTable(
  table: Table,
  from: Transaction,
  to: Transaction,
  progress: (rows: number) => void,
): Promise<number> {
  const columns = await columnsOf(from, table)
  await sql`DECLARE moved NO SCROLL CURSOR FOR
    SELECT row_to_json(t)::text AS row FROM (SELECT ${values(columns)} FROM ${sql.table(table)}) t`.execute(
    from,
  )
  let copied = 0
  for (;;) {
    const { rows } = await sql<{ row: string }>`FETCH ${sql.lit(PAGE_ROWS)} FROM moved`.execute(from)
    if (rows.length === 0) break
    const page = `[${rows.map(({ row }) => row).join()}]`
    await sql`INSERT INTO ${sql.table(table)} (${names(columns)})
      SELECT ${names(columns)} FROM json_populate_recordset(NULL::${sql.table(table)}, ${page}::json)`.execute(
      to,
    )
    copied += rows.length
    progress(copied)
  }
  await sql`CLOSE moved`.execute(from)
  return copied
}

export async function contentsOf(table: Table, trx: Transaction): Promise<Contents> {
  const columns = await columnsOf(trx, table)
  const { rows } = await sql<Contents>`
    SELECT count(*) AS rows,
           coalesce(sum(('x' || left(encode(sha256(convert_to(t::text, 'UTF8')), 'hex'), 15))::bit(60)::bigint), 0)::text
             AS sum
    FROM (SELECT ${values(columns)} FROM ${sql.table(table)}) t`.execute(trx)
  return rows[0] ?? { rows: 0, sum: '0' }
}

/** But those that the database computes. */
async function columnsOf(trx: Transaction, table: Table): Promise<readonly string[]> {
  const [schema, name] = table.split('.')
  const { rows } = await sql<{ name: string }>`
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = ${schema} AND table_name = ${name} AND is_generated = 'NEVER'
    ORDER BY column_name`.execute(trx)
  return rows.map((column) => column.name)
}

function names(columns: readonly string[]) {
  return sql.join(columns.map((column) => sql.id(column)))
}

/** Where a message's record stood in the log that is left behind is no place in the new one. */
function values(columns: readonly string[]) {
  return sql.join(
    columns.map((column) =>
      column === 'source_partition'
        ? sql`${sql.lit(NO_SOURCE_PARTITION)} AS source_partition`
        : sql.id(column),
    ),
  )
}

async function migrationsOf(trx: Transaction): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`SELECT name FROM chat.kysely_migration ORDER BY name`.execute(
    trx,
  )
  return rows.map(({ name }) => name)
}
