import { sql } from 'kysely'
import type { TestDatabase } from './support.ts'

/** By table, a digest of all its rows: every table there is, by the catalog. */
export async function everything({ admin }: TestDatabase): Promise<Readonly<Record<string, string>>> {
  const tables = await sql<{ readonly name: string }>`
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname IN ('chat', 'engine') ORDER BY name`.execute(admin.db)
  const digests = tables.rows.map(
    ({ name }) => sql<{ name: string; digest: string }>`
      SELECT ${name} AS name, md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '')) AS digest
      FROM ${sql.table(name)} t`,
  )
  const { rows } = await sql<{ name: string; digest: string }>`
    ${sql.join(digests, sql` UNION ALL `)}`.execute(admin.db)
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]))
}
