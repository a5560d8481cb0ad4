import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { inRounds } from '../rounds.ts'
import { type BenchContext, type Row, ratioRow } from '../row.ts'
import { BATCH_ROWS } from './batches.ts'
import { type BenchDatabase, newRooms } from './database.ts'
import type { Task } from './persister-process.ts'

const FILE = fileURLToPath(new URL('./persister-process.ts', import.meta.url))
const PERSISTERS = 2
const ROOMS_EACH = 100
const BATCHES_EACH = 40

/** Two processes that each store rooms of their own, one batch at a time, against one of them alone. */
export async function persistersRow(database: BenchDatabase, { rounds, say }: BenchContext): Promise<Row> {
  const persisters: StoringProcess[] = []
  try {
    for (let partition = 0; partition < PERSISTERS; partition += 1) {
      const rooms = await newRooms(database, ROOMS_EACH)
      persisters.push(new StoringProcess({ url: database.url, partition, rooms, batches: BATCHES_EACH }))
    }
    const measured = await inRounds(
      rounds,
      { one: () => rate(persisters.slice(0, 1)), two: () => rate(persisters) },
      (text) => say(`C4: ${text} rows/s`),
    )
    const what = 'two persisters, rows/s; limit: one of them'
    return ratioRow({ id: 'C4', what, target: { atLeast: 1.3 } }, measured.one, measured.two)
  } finally {
    await Promise.all(persisters.map((persister) => persister.end()))
  }
}

async function rate(persisters: readonly StoringProcess[]): Promise<number> {
  await Promise.all(persisters.map((persister) => persister.made()))
  const startedAtMs = performance.now()
  await Promise.all(persisters.map((persister) => persister.store()))
  return (persisters.length * BATCHES_EACH * BATCH_ROWS * 1000) / (performance.now() - startedAtMs)
}

class StoringProcess {
  readonly #child: ChildProcess
  #made: Promise<unknown>

  constructor(task: Task) {
    this.#child = fork(FILE, { execArgv: [] })
    this.#child.send(task)
    this.#made = this.#told()
  }

  /** Resolves when it has what it is to store next. */
  async made(): Promise<void> {
    await this.#made
  }

  async store(): Promise<void> {
    const stored = this.#told()
    this.#child.send('store')
    await stored
    this.#made = this.#told()
  }

  async end(): Promise<void> {
    this.#made.catch(() => undefined)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  async #told(): Promise<void> {
    const listening = new AbortController()
    const { signal } = listening
    try {
      const ended = once(this.#child, 'exit', { signal }).then(([code, killedBy]) => {
        throw new Error(`a persister ended (${code ?? killedBy})`)
      })
      await Promise.race([once(this.#child, 'message', { signal }), ended])
    } finally {
      listening.abort()
    }
  }
}
