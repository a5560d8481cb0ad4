import { median } from '../../bench/row.ts'
import { BOTH, type Fault } from '../fault.ts'
import { memoryOf, sumOf } from '../memory.ts'
import type { Nemesis } from '../nemesis.ts'

/** Of the run: then caches and the frames that rooms keep are full. */
const FULL_AFTER = 0.3
const GROWTH_MIB = 5
const LOOK_EVERY_MS = 10_000
/** What is under way at any time at this load comes and goes by as much. */
const QUEUE_SLACK = 100
const QUEUES = ['roomlog_edge_pending_appends', 'roomlog_consumer_lag_records', 'roomlog_database_waiting']

/** Nothing is broken: about half of what two cores take, for as long as is asked for. Not one of the table's rows. */
export const soak: Fault = {
  id: 'soak',
  title: 'half load, nothing broken',
  engines: BOTH,
  crowd: { clients: 60, rooms: 40, roomsEach: 3, messagesPerSecond: 500, churners: 0 },
  recovery: { p99Ms: 1_000 },
  ownStack: true,
  inject: async (nemesis) => {
    const { lengthMs, stack } = nemesis
    const warm = await queuesUntil(nemesis, performance.now() + lengthMs * FULL_AFTER)
    const full = await memoryOf(stack)
    const later = await queuesUntil(nemesis, performance.now() + lengthMs * (1 - FULL_AFTER))
    const last = await memoryOf(stack)
    nemesis.must('every service lives', String([...full.keys()]) === String([...last.keys()]))
    for (const [name, bytes] of last) {
      const grown = (bytes - (full.get(name) ?? Number.NaN)) / 1024 ** 2
      nemesis.bound(`growth of the live heap of ${name} in MiB`, grown, GROWTH_MIB)
    }
    const [before, after] = [median(warm), median(later.slice(later.length / 2))]
    nemesis.bound('what waits in queues, the second half’s median', after, 2 * before + QUEUE_SLACK)
  },
}

/** What waits in all queues of all services, looked at now and then. */
async function queuesUntil(nemesis: Nemesis, untilMs: number): Promise<readonly number[]> {
  const { stack } = nemesis
  const seen: number[] = []
  while (performance.now() < untilMs) {
    seen.push(await sumOf(stack, stack.names, (series) => QUEUES.some((name) => series.startsWith(name))))
    await nemesis.sleep(Math.min(LOOK_EVERY_MS, Math.max(0, untilMs - performance.now())))
  }
  return seen
}
