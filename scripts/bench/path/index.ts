import type { Bench, BenchContext, Row } from '../row.ts'
import { ACKNOWLEDGED_IDS, acknowledged } from './acknowledged.ts'
import { LATENCY_IDS, latency } from './latency.ts'
import { ONE_ROOM_IDS, oneRoom } from './one-room.ts'
import { RESUME_IDS, resume } from './resume.ts'
import { systemOf } from './system.ts'
import { wholePath } from './whole-path.ts'

const PARTS = [
  { ids: ['G1', 'G1-rate', 'G1-lost'], measure: wholePath },
  { ids: LATENCY_IDS, measure: latency },
  { ids: ONE_ROOM_IDS, measure: oneRoom },
  { ids: RESUME_IDS, measure: resume },
  { ids: ACKNOWLEDGED_IDS, measure: acknowledged },
]

/** From a client's send to every other client, through real processes: one Roomlog for all of the rows. */
export const path: Bench = { ids: PARTS.flatMap(({ ids }) => ids), run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  await using system = await systemOf(context.engine)
  const rows: Row[] = []
  for (const { ids, measure } of PARTS) {
    if (ids.some(context.isWanted)) rows.push(...(await measure(context, system)))
  }
  return rows
}
