import { Child } from '../child.ts'
import { inRounds } from '../rounds.ts'
import { type BenchContext, type Row, ratioRow } from '../row.ts'
import { BATCH_ROWS } from './batches.ts'
import { type BenchDatabase, newRooms } from './database.ts'
import type { Task } from './persister-process.ts'

const FILE = new URL('./persister-process.ts', import.meta.url)
const PERSISTERS = 2
const ROOMS_EACH = 100
const BATCHES_EACH = 40

/** Two processes that each store a partition of their own, one batch at a time, against one of them alone. */
export async function persistersRow(database: BenchDatabase, { rounds, say }: BenchContext): Promise<Row> {
  await using stack = new AsyncDisposableStack()
  const persisters: Persister[] = []
  for (let partition = 0; partition < PERSISTERS; partition += 1) {
    const rooms = await newRooms(database, ROOMS_EACH)
    const child = stack.use(new Child<Task>(FILE))
    persisters.push({ child, partition, url: database.url, rooms })
  }
  const measured = await inRounds(
    rounds,
    { one: () => rate(persisters.slice(0, 1)), two: () => rate(persisters) },
    (text) => say(`C4: ${text} rows/s`),
  )
  const what = 'two persisters, rows/s; limit: one of them'
  return ratioRow({ id: 'C4', what, target: { atLeast: 1.3 } }, measured.one, measured.two)
}

interface Persister {
  readonly child: Child<Task>
  readonly partition: number
  readonly url: string
  readonly rooms: readonly string[]
}

async function rate(persisters: readonly Persister[]): Promise<number> {
  const batches = BATCHES_EACH
  const ask = (child: Child<Task>, task: Task) => child.ask(task)
  await Promise.all(
    persisters.map(({ child, url, rooms }) => ask(child, { do: 'make', url, rooms, batches })),
  )
  const startedAtMs = performance.now()
  await Promise.all(persisters.map(({ child, partition }) => ask(child, { do: 'store', partition })))
  return (persisters.length * batches * BATCH_ROWS * 1000) / (performance.now() - startedAtMs)
}
