import { connect, type Tables } from '@roomlog/db'
import type { Kysely } from 'kysely'

/** Past the proxies and the services' roles, on a connection of its own. */
export async function withDatabase<T>(url: string, work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
  const database = connect({ url, applicationName: 'roomlog-chaos', poolSize: 1 })
  try {
    return await work(database.db)
  } finally {
    await database.close()
  }
}
