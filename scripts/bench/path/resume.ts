import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Database } from '@roomlog/db'
import { sql } from 'kysely'
import { Child } from '../child.ts'
import { inRounds } from '../rounds.ts'
import { type BenchContext, figureRow, type Row, ratioRow } from '../row.ts'
import { type Audience, audienceOf, loadOf, strangers } from './audience.ts'
import type { BareWsOrder } from './bare-ws.ts'
import type { LoadOrder } from './load-orders.ts'
import { runLoad, total, usedBy } from './saturated.ts'
import type { System } from './system.ts'

const SIZE = { users: 5000, rooms: 500, membersEach: 10 }
/** A few messages in each room. */
const MISSED = { pace: { perSecond: 1000 }, warmMs: 0, ms: 2000 }
/** As late as a session tells the server's counters what it did. */
const COUNTED_AFTER_MS = 1500
const CLIENTS_A_STATEMENT = 50

export const RESUME_IDS = ['G4', 'G4-ms', 'G4-statements'] as const

/** 5000 clients whose connections are lost come back at once, each to its room, in which there was something said meanwhile. */
export async function resume({ rounds, say, engine }: BenchContext, system: System): Promise<readonly Row[]> {
  await using children = new AsyncDisposableStack()
  const bare = children.use(new Child<BareWsOrder>(new URL('./bare-ws.ts', import.meta.url)))
  const bareLoad = children.use(await loadOf(await bare.ask<string>({ do: 'listen' }), strangers(SIZE)))
  const audience = await audienceOf(system.stack, SIZE)
  const load = children.use(await loadOf(system.url, audience))
  const talking = children.use(await loadOf(system.url, speakersOf(audience), false))
  const database = connect({ url: system.stack.servers.postgres.url, applicationName: 'roomlog-bench' })
  children.defer(() => database.close())
  const [ms, statements]: [number[], number[]] = [[], []]
  const { limit, roomlog } = await inRounds(
    rounds,
    {
      limit: () => comeBack(bareLoad, { bare: bare.pid }, []),
      roomlog: async () => {
        await load.ask({ do: 'cut' })
        await runLoad(talking, {}, MISSED)
        await sleep(COUNTED_AFTER_MS)
        const before = await transactionsOf(database)
        const us = await comeBack(load, system.pids(), ms)
        await sleep(COUNTED_AFTER_MS)
        statements.push(((await transactionsOf(database)) - before) / (SIZE.users / CLIENTS_A_STATEMENT))
        say(
          `all live after ${ms.at(-1)?.toFixed(0)} ms; ${statements.at(-1)?.toFixed(2)} transactions for each 50`,
        )
        return us
      },
    },
    say,
  )
  const about = `${engine}: 5000 clients come back and resume at once`
  return [
    ratioRow(
      { id: 'G4', what: `${about}, CPU µs of all processes for each`, target: { atMost: 1.5 } },
      limit,
      roomlog,
    ),
    figureRow({ id: 'G4-ms', what: `${about}, ms until all are live`, target: 'reported' }, ms.slice(1)),
    figureRow(
      {
        id: 'G4-statements',
        what: `${about}, the database's transactions for each 50, those of 3 s of sweeps included`,
        target: engine === 'full' ? { atMost: 1 } : 'reported',
      },
      statements.slice(1),
    ),
  ]
}

/** µs of CPU for each client. */
async function comeBack(
  load: Child<LoadOrder>,
  pids: Readonly<Record<string, number>>,
  ms: number[],
): Promise<number> {
  await load.ask({ do: 'cut' })
  await sleep(COUNTED_AFTER_MS)
  const [before, startedAtMs] = [total(await usedBy(pids)), performance.now()]
  await load.ask({ do: 'resume' })
  ms.push(performance.now() - startedAtMs)
  return (total(await usedBy(pids)) - before) / SIZE.users
}

/** One of each room. */
function speakersOf({ people, rooms }: Audience): Audience {
  const firsts = rooms.map((_, room) => people.find((person) => person.rooms.includes(room)))
  return { rooms, people: firsts.filter((person) => person !== undefined) }
}

async function transactionsOf({ db }: Database): Promise<number> {
  const { rows } = await sql<{ n: string }>`
    SELECT xact_commit::text AS n FROM pg_stat_database WHERE datname = current_database()`.execute(db)
  return Number(rows[0]?.n)
}
