import { setTimeout as sleep } from 'node:timers/promises'
import { roomlogOf } from '../roomlog.ts'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, type Row } from '../row.ts'
import { audienceOf, loadOf } from './audience.ts'
import { runLoad, total, usedBy } from './saturated.ts'
import { UNLIMITED } from './system.ts'

const SIZE = { users: 1000, rooms: 1000, membersEach: 1 }
/** Below what one persister stores: what is not stored yet is not read. */
const PACE = { perSecond: 2500 }
const [SETTLE_MS, WARM_MS, MS] = [5000, 2000, 8000] as const

/**
 * What an edge pays for a message that none of its sockets hears, in µs of its CPU above what it uses while nothing is
 * sent: every edge reads all that was stored, so this decides how many messages there can be at most. The more there
 * are, the more a fetch brings, and the less each costs.
 */
export const reading: Bench = { ids: ['read'], run }

async function run({ engine, rounds, say }: BenchContext): Promise<readonly Row[]> {
  await using roomlog = await roomlogOf({ engine, edges: 2, env: UNLIMITED })
  const [url = ''] = roomlog.wsUrls
  await using load = await loadOf(url, await audienceOf(roomlog, SIZE), false)
  const reader = { reader: roomlog.pidOf('ws-edge-2') ?? Number.NaN }
  await sleep(SETTLE_MS)
  const before = await usedBy(reader)
  await sleep(MS)
  const idle = (total(await usedBy(reader)) - total(before)) / MS
  const { read } = await inRounds(
    rounds,
    {
      read: async () => {
        const run = await runLoad(load, reader, { pace: PACE, warmMs: WARM_MS, ms: MS })
        return (total(run.cpuOf) - idle * run.ms) / run.acked
      },
    },
    say,
  )
  const what = `a message that no socket of an edge hears, on ${engine}, CPU µs of the edge`
  return [figureRow({ id: 'read', what, target: 'reported' }, read)]
}
