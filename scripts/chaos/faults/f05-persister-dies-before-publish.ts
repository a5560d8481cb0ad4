import { crashService } from '../acts.ts'
import { backlogDrainedMs } from '../backlog.ts'
import { longestStall } from '../delivery.ts'
import { BOTH, type Fault } from '../fault.ts'

const CRASHES = 20
const SHORT_CRASHES = 3
const LIVE_WITHIN_MS = 20_000
const BACKLOG_PATIENCE_MS = 60_000
const POINTS = ['after_db_commit', 'before_publish', 'after_publish_before_offset_commit']

export const persisterDiesBeforePublish: Fault = {
  id: 'F5',
  title: 'persister dies between commit and publish',
  engines: BOTH,
  crowd: { rooms: 10, quietRooms: 2 },
  recovery: { p99Ms: LIVE_WITHIN_MS },
  inject: async (nemesis) => {
    const { stack, crowd, random } = nemesis
    const [first = '', ...others] = stack.persisters
    const drained = () => backlogDrainedMs(nemesis, BACKLOG_PATIENCE_MS)
    const [name, crashes] = [random.pick(stack.persisters), nemesis.times(CRASHES, SHORT_CRASHES) - 1]
    // It is one crash that is bounded: its successor would crash, too, so another does the work before the next.
    const calm = async () => {
      await stack.end(name)
      await drained()
    }
    await calm()
    await crashService(nemesis, name, POINTS, crashes, [1, 30], calm)
    // The last one in rooms where nobody writes any more: no later message can bring to light what was never published.
    await crowd.pause()
    // Else it would crash at what is left of the crashes before.
    await drained()
    // They leave in order: the one that is to crash waits for nobody who is dead.
    for (const name of [...others, first]) await stack.stop(name)
    await nemesis.act(first, 'crash after_db_commit in a quiet room', async () => {
      stack.start(first, { CRASH_AT: 'after_db_commit:1' })
      await nemesis.until('it runs', () => stack.pidOf(first) !== undefined, 30_000)
      const pid = stack.pidOf(first)
      for (const roomId of crowd.quietRooms) crowd.speak(roomId)
      await nemesis.until('it crashes', () => stack.pidOf(first) !== pid, 60_000)
      await stack.end(first)
      for (const name of stack.persisters) stack.start(name)
      crowd.goOn()
      await stack.ready()
    })
  },
  judge: (history) => [longestStall(history, LIVE_WITHIN_MS)],
}
