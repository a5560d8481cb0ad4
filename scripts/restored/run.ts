import { randomUUID } from 'node:crypto'
import type { Database } from '@roomlog/db'
import { PERSISTER_GROUP } from '@roomlog/events'
import { sql } from 'kysely'
import { EXIT, type ExitCode, OperatorFailure } from '../operator/failure.ts'
import { refuseUnready } from '../operator/primary.ts'
import type { ServersWithDatabase } from '../operator/servers.ts'
import type { Options } from './options.ts'
import { type Tail, tailsOf } from './tail.ts'

/**
 * The positions first, the epoch last: a run that ends between the two is seen to be unfinished, and is repeated whole.
 * Throws `OperatorFailure` where it must not be done.
 */
export async function restored(servers: ServersWithDatabase, { isMeant }: Options): Promise<ExitCode> {
  const { reader, database, target } = servers
  await refuseUnready(database.db)
  await refusePersisters(servers)
  console.log(await describeDatabase(database.db))
  // On the embedded engine the log is in the database, and was restored with it, positions and all.
  const tails = target.engine === 'full' ? await tailsOf(reader, database.db) : []
  console.log(target.engine === 'full' ? describeTails(tails) : 'The log is in it, and was restored with it.')
  if (!isMeant) {
    console.log('Nothing was changed. To do it: npm run restored -- --yes')
    return EXIT.findings
  }
  const positions = new Map(tails.map(({ partition, from }) => [partition, from]))
  if (tails.length > 0) await reader.rewind(PERSISTER_GROUP, 'created', positions)
  const epoch = randomUUID()
  await database.db.updateTable('chat.cluster').set({ epoch }).execute()
  console.log(
    `Its epoch is ${epoch} now. Start the persisters, then run npm run audit -- --repair: it looks at everything anew.`,
  )
  return EXIT.clean
}

/** They would store on top of the restored state while it still passes for the old one. */
async function refusePersisters({ reader }: ServersWithDatabase): Promise<void> {
  const members = await reader.members(PERSISTER_GROUP)
  if (members === 0) return
  throw new OperatorFailure(
    `${members} ${members === 1 ? 'persister is' : 'persisters are'} running (group ${PERSISTER_GROUP}). Stop them; one that was killed counts for 10 s more.`,
  )
}

async function describeDatabase(db: Database['db']): Promise<string> {
  const { rows } = await sql<{ epoch: string; rooms: number; newest: Date | null }>`
    SELECT (SELECT epoch FROM chat.cluster) AS epoch, count(*) AS rooms, max(last_message_at) AS newest
    FROM chat.rooms`.execute(db)
  const { epoch, rooms, newest = null } = rows[0] ?? {}
  const last = newest === null ? 'no message' : `a newest message of ${newest.toISOString()}`
  return `The database has epoch ${epoch}, ${rooms} rooms and ${last}.`
}

function describeTails(tails: readonly Tail[]): string {
  if (tails.length === 0) return 'The persisters are where it ends, or have run on it already.'
  const total = tails.reduce((sum, { from, position }) => sum + position - from, 0n)
  const removed = tails.reduce((sum, tail) => sum + tail.removed, 0n)
  return [
    `The log has ${total} records from where it ends to where the persisters are:`,
    ...tails.map(
      ({ partition, from, position }) =>
        `  partition ${partition}: ${from} to ${position - 1n}, to be stored again`,
    ),
    ...(removed === 0n
      ? []
      : [`LOST: ${removed} records behind its end were removed from the log for their age.`]),
  ].join('\n')
}
