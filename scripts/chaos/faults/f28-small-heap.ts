import { backlogDrainedMs } from '../backlog.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'

/** About twice of what an idle service holds. */
const HEAP_MIB = 64
const FLOOD_MS = 20_000
const SPEAK_EVERY_MS = 20
const SLOW_SHARE = 0.1
const DRAINED_MS = 60_000

export const smallHeap: Fault = {
  id: 'F28',
  title: 'small heap, and all that the limits let in',
  engines: BOTH,
  stack: { heapMiB: HEAP_MIB },
  crowd: { padding: 1_000, messagesPerSecond: 60, churners: 0 },
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { crowd, stack } = nemesis
    const pids = () => stack.names.map((name) => stack.pidOf(name))
    const before = { pids: pids(), accepted: crowd.accepted }
    await nemesis.act('all services', 'flood', async () => {
      const slow = crowd.clients.slice(0, crowd.clients.length * SLOW_SHARE)
      for (const client of slow) client.stopReading()
      await flood(nemesis)
      nemesis.must('others are served', crowd.accepted > before.accepted)
      for (const client of slow) client.drop()
      await crowd.settle(DRAINED_MS)
      await backlogDrainedMs(nemesis, DRAINED_MS)
    })
    nemesis.must('every service lives', String(pids()) === String(before.pids))
  },
}

/** Everybody sends the next as soon as the last is answered. */
async function flood(nemesis: Nemesis): Promise<void> {
  const { crowd } = nemesis
  const untilMs = performance.now() + nemesis.outageMs(FLOOD_MS)
  while (performance.now() < untilMs) {
    crowd.speakUp(crowd.clients)
    await nemesis.sleep(SPEAK_EVERY_MS)
  }
}
