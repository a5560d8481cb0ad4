import type { Database } from '@roomlog/db'
import { messageStore } from '@roomlog/persister/message-store'
import { storeBatches } from '@roomlog/persister/store'
import type { Candidate } from '@roomlog/persister/verdict'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, type Row, ratioRow } from '../row.ts'
import { BATCH_ROWS, newBatches } from './batches.ts'
import { CopyStore } from './copy.ts'
import { asPersister, type BenchDatabase, benchDatabase, newRooms } from './database.ts'
import { PerMessageStore } from './per-message.ts'
import { persistersRow } from './persisters.ts'

const BATCHES = 40
/** So many batches, as what they are slowly stored as. */
const BATCHES_ONE_BY_ONE = 4

const AGAINST_COPY = [
  { id: 'C1', rooms: 100, target: { atLeast: 0.55 } },
  { id: 'C2', rooms: 1, target: { atLeast: 0.4 } },
  { id: 'C2-rooms', rooms: 10_000, target: { atLeast: 0.6 } },
] as const

/** What the persister's own `storeBatches` stores in its database, in rows a second. */
export const store: Bench = { ids: [...AGAINST_COPY.map(({ id }) => id), 'C3', 'C4'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  await using database = await benchDatabase()
  const rows: Row[] = []
  for (const row of AGAINST_COPY)
    if (context.isWanted(row.id)) rows.push(await copyRow(database, row, context))
  if (context.isWanted('C3')) rows.push(await perMessageRow(database, context))
  if (context.isWanted('C4')) rows.push(await persistersRow(database, context))
  return rows
}

async function copyRow(
  database: BenchDatabase,
  { id, rooms, target }: (typeof AGAINST_COPY)[number],
  { rounds, say }: BenchContext,
): Promise<Row> {
  const roomIds = await newRooms(database, rooms)
  const persister = asPersister(database.url)
  try {
    await using copy = await CopyStore.open(database.url)
    const measured = await inRounds(
      rounds,
      {
        limit: async () => {
          const batches = newBatches(roomIds, BATCHES).map((batch) => copy.prepare(batch))
          return rate(batches, (batch) => copy.store(batch))
        },
        store: () => rate(newBatches(roomIds, BATCHES), (batch) => storeOne(persister, batch)),
      },
      (text) => say(`${id}: ${text} rows/s`),
    )
    const what = `batches of ${BATCH_ROWS} into ${rooms} ${rooms === 1 ? 'room' : 'rooms'}, rows/s; limit: COPY`
    return ratioRow({ id, what, target }, measured.limit, measured.store)
  } finally {
    await persister.close()
  }
}

async function perMessageRow(database: BenchDatabase, { rounds, say }: BenchContext): Promise<Row> {
  const roomIds = await newRooms(database, 100)
  const persister = asPersister(database.url)
  await using plain = new PerMessageStore(database.url)
  try {
    const measured = await inRounds(
      rounds,
      {
        plain: () => rate(newBatches(roomIds, BATCHES_ONE_BY_ONE), (batch) => plain.store(batch)),
        store: () => rate(newBatches(roomIds, BATCHES), (batch) => storeOne(persister, batch)),
      },
      (text) => say(`C3: ${text} rows/s`),
    )
    const what = 'batches of 500, rows/s; limit: a transaction for each message, 10 at once'
    return ratioRow({ id: 'C3', what, target: { atLeast: 8 } }, measured.plain, measured.store)
  } finally {
    await persister.close()
  }
}

async function rate<T>(batches: readonly T[], work: (batch: T) => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  for (const batch of batches) await work(batch)
  return (batches.length * BATCH_ROWS * 1000) / (performance.now() - startedAtMs)
}

function storeOne({ db }: Database, candidates: readonly Candidate[]) {
  return storeBatches(messageStore(db), [{ partition: 0, candidates }])
}
