import { sql } from 'kysely'
import { withDatabase } from '../database.ts'
import { BOTH, type Fault } from '../fault.ts'
import { metricsOf } from '../memory.ts'
import type { Nemesis } from '../nemesis.ts'

const DISK_BYTES = 512 * 1024 * 1024
const FULL_MS = 15_000
const FILL_EVERY_MS = 500
/** In PostgreSQL's log. */
const NO_ROOM = 'No space left on device'
const GIVEN_UP = /^(?:acked_but_dead_total|roomlog_persister_dead_letters_total\S*) (\S+)$/gm

export const diskFull: Fault = {
  id: 'F14',
  title: 'PostgreSQL disk full',
  engines: BOTH,
  stack: { smallDisk: DISK_BYTES },
  ownStack: true,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    await fillDisk(nemesis, 'no room for rows', async () => undefined)
    await nemesis.sleep(5_000)
    // Without room for its log, too, PostgreSQL ends; whoever made room starts it again.
    await fillDisk(nemesis, 'no room for WAL', () => useUpSegment(nemesis))
    const counts = await Promise.all(nemesis.stack.persisters.map((name) => metricsOf(nemesis.stack, name)))
    nemesis.must(
      'every persister tells its counts',
      counts.every((text) => text.includes('acked_but_dead_total')),
    )
    const givenUp = counts
      .flatMap((text) => [...text.matchAll(GIVEN_UP)])
      .reduce((sum, [, n]) => sum + Number(n), 0)
    nemesis.bound('records given up', givenUp, 0)
  },
}

function fillDisk(nemesis: Nemesis, what: string, meanwhile: () => Promise<void>): Promise<number> {
  const { postgres, disk } = nemesis.stack.servers
  if (disk === undefined) throw new Error('no disk to fill')
  return nemesis.act('postgres', `disk full, ${what}`, async () => {
    const untilMs = performance.now() + nemesis.outageMs(FULL_MS)
    let isFelt = false
    while (performance.now() < untilMs) {
      await disk.fill()
      await meanwhile()
      await nemesis.sleep(FILL_EVERY_MS)
      isFelt ||= (await postgres.output()).includes(NO_ROOM)
    }
    // Rows find room for a while in pages that are there.
    nemesis.must(`PostgreSQL has had ${what}`, isFelt)
    await disk.free()
    if (postgres.pid === undefined) await postgres.start()
    await postgres.ready()
  })
}

async function useUpSegment({ stack }: Nemesis): Promise<void> {
  const { url } = stack.servers.postgres
  // It may be down already, or this may be the end of it.
  await withDatabase(url, (db) => sql`SELECT pg_switch_wal()`.execute(db)).catch(() => undefined)
}
