import { Client } from 'pg'

const TABLES = `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
  WHERE schemaname = ANY ($1) ORDER BY name`

/** By name, a digest of all rows of every table that these schemas have by the catalog: what differs has changed. */
export async function tableDigests(
  url: string,
  schemas: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(TABLES, [schemas])
    const digests = tables.rows.map(
      ({ name }) =>
        `SELECT '${name}' AS name, md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS digest FROM ${name} t`,
    )
    const { rows } = await client.query<{ name: string; digest: string }>(digests.join(' UNION ALL '))
    return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]))
  } finally {
    await client.end()
  }
}
