import { type Kysely, sql } from 'kysely'

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  /** An insert has to give it. */
  readonly isRequired: boolean
}

/** A constraint or a unique index, as its definition says. */
interface Rule {
  readonly table: string
  readonly definition: string
  /** Of a foreign key that keeps rows there from being deleted. */
  readonly holds: string | null
}

/** What services rely on in schemas `chat` and `engine`. */
export interface Catalog {
  readonly tables: ReadonlySet<string>
  readonly columns: readonly Column[]
  readonly rules: readonly Rule[]
}

export async function catalogOf(db: Kysely<unknown>): Promise<Catalog> {
  const columns = await sql<Column>`
    SELECT c.oid::regclass::text AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS "isRequired"
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('chat'::regnamespace, 'engine'::regnamespace)
      AND c.relname NOT LIKE 'kysely%'`.execute(db)
  const rules = await sql<Rule>`
    SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS definition,
           CASE WHEN contype = 'f' AND confdeltype IN ('a', 'r') THEN confrelid::regclass::text END AS holds
    FROM pg_constraint WHERE contype IN ('c', 'f', 'p', 'u', 'x')
      AND connamespace IN ('chat'::regnamespace, 'engine'::regnamespace)
    UNION ALL
    SELECT i.indrelid::regclass::text, 'UNIQUE ' || substring(pg_get_indexdef(i.indexrelid) FROM '\\(.*$'), NULL
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indisunique AND c.relnamespace IN ('chat'::regnamespace, 'engine'::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)`.execute(db)
  return { tables: new Set(columns.rows.map(({ table }) => table)), columns: columns.rows, rules: rules.rows }
}

/** What services that were made for `before` miss, or are refused, in `after`. */
export function contractions(before: Catalog, after: Catalog): readonly string[] {
  const columnIn = ({ columns }: Catalog, { table, name }: Column) =>
    columns.find((it) => it.table === table && it.name === name)
  const hasRule = ({ rules }: Catalog, { table, definition }: Rule) =>
    rules.some((it) => it.table === table && it.definition === definition)
  const gone = [...before.tables].filter((table) => !after.tables.has(table))
  const kept = before.columns.filter(({ table }) => after.tables.has(table))
  const added = after.columns.filter(
    (it) => before.tables.has(it.table) && columnIn(before, it) === undefined,
  )
  return [
    ...gone.map((table) => `${table} is gone`),
    ...kept.flatMap((was) => {
      const [name, is] = [`${was.table}.${was.name}`, columnIn(after, was)]
      if (is === undefined) return [`${name} is gone`]
      if (is.type !== was.type) return [`${name} is ${is.type}, was ${was.type}`]
      return is.isRequired && !was.isRequired ? [`${name} is required now`] : []
    }),
    ...added.filter(({ isRequired }) => isRequired).map((it) => `${it.table}.${it.name} must be given`),
    ...after.rules
      .filter((rule) => before.tables.has(rule.table) && !hasRule(before, rule))
      .map(({ table, definition }) => `${table}: ${definition} refuses what was allowed`),
    ...after.rules
      .filter(({ table, holds }) => !before.tables.has(table) && holds !== null && before.tables.has(holds))
      .map(({ table, definition, holds }) => `${table}: ${definition} keeps rows of ${holds} from going`),
    // Keys are what ON CONFLICT names.
    ...before.rules
      .filter((rule) => /^(PRIMARY KEY|UNIQUE)/.test(rule.definition) && after.tables.has(rule.table))
      .filter((rule) => !hasRule(after, rule))
      .map(({ table, definition }) => `${table}: ${definition} is gone`),
  ]
}
