import { connect, type Database, migrate, ROLES } from '@roomlog/db'
import { STORE_SESSION } from '@roomlog/persister/message-store'
import { newId } from '@roomlog/protocol'
import { controlledPostgres } from '@roomlog/testkit/proof'
import { sql } from 'kysely'

export interface BenchDatabase extends AsyncDisposable {
  readonly url: string
  /** Of the server's superuser. */
  readonly admin: Database
}

/** A PostgreSQL server of one's own that syncs every commit, with the product's schema. */
export async function benchDatabase(): Promise<BenchDatabase> {
  await using stack = new AsyncDisposableStack()
  const { url } = stack.use(await controlledPostgres())
  await migrate(url)
  const admin = connect({ url, applicationName: 'roomlog-bench', statementTimeoutMs: 0 })
  stack.defer(() => admin.close())
  const everything = stack.move()
  return { url, admin, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}

/** As the persister connects. */
export function asPersister(url: string): Database {
  return connect({ ...STORE_SESSION, url, role: ROLES.persister, applicationName: 'roomlog-bench-persister' })
}

export async function newRooms({ admin }: BenchDatabase, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => newId())
  await sql`INSERT INTO chat.rooms (id, name, visibility)
    SELECT id, 'Bench', 'public' FROM unnest(${ids}::text[]) id`.execute(admin.db)
  await sql`ANALYZE chat.rooms`.execute(admin.db)
  return ids
}
