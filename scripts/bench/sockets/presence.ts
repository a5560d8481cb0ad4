import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, migrate } from '@roomlog/db'
import { connectLive, type Live, type LiveSocket, PRESENCE_TIMES } from '@roomlog/live'
import { newId } from '@roomlog/protocol'
import { createLogger } from '@roomlog/service-kit'
import { controlledPostgres, controlledRedis } from '@roomlog/testkit/proof'
import { Redis } from 'ioredis'
import { cpuOf, cpuUsedBy } from '../cpu.ts'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, median, type Row } from '../row.ts'

const SOCKETS = 10_000
/** The system counts a server's CPU in steps of 10 ms. */
const TIMES = 5
const NANOSECONDS_PER_MS = 1_000_000
const STALL_RESOLUTION_MS = 1

interface Cost {
  /** µs for each socket. */
  readonly ours: number[]
  readonly theirs: number[]
  /** The longest time in ms that the event loop stood still, of each time. */
  readonly stall: number[]
}

/**
 * The heartbeat of 10 000 sockets, due at once: CPU of this process and of the store for each socket, and how long the
 * event loop stands still. Beside it what plain code does on Redis: HSET and PEXPIRE for each socket, sent at once.
 */
export const presence: Bench = { ids: ['F1', 'F1-postgres', 'F2', 'F2-postgres'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack()
  const [redis, postgres] = await Promise.all([controlledRedis(), controlledPostgres()])
  stack.use(redis)
  stack.use(postgres)
  await migrate(postgres.url)
  const database = connect({ url: postgres.url, applicationName: 'roomlog-bench' })
  stack.defer(() => database.close())
  const plain = new Redis(redis.url)
  stack.defer(() => plain.disconnect())
  const log = createLogger({ name: 'bench', level: 'silent' })
  const live = (own: Parameters<typeof connectLive>[0]) => {
    const made = connectLive(own, log)
    stack.defer(() => made.close())
    return made
  }
  const onRedis = live({ engine: 'full', namespace: '', redisUrl: redis.url })
  const onPostgres = live({ engine: 'embedded', namespace: '', database })
  await ready(onRedis)
  const sockets = Array.from({ length: SOCKETS }, () => ({ userId: newId(), socketId: newId() }))
  const costs = { plain: costOf(), redis: costOf(), postgres: costOf() }
  const measured = (cost: Cost, pid: number | undefined, round: () => Promise<void>) => () =>
    measure(cost, pid ?? 0, round)
  await inRounds(
    rounds,
    {
      'HSET and PEXPIRE': measured(costs.plain, redis.pid, () => renewEach(plain, sockets)),
      Redis: measured(costs.redis, redis.pid, () => onRedis.presence.renewed(sockets)),
      PostgreSQL: measured(costs.postgres, postgres.pid, () => onPostgres.presence.renewed(sockets)),
    },
    say,
  )
  return rowsOf(costs)
}

function rowsOf({
  plain,
  redis,
  postgres,
}: Readonly<Record<'plain' | 'redis' | 'postgres', Cost>>): readonly Row[] {
  // Without the round that warms up.
  const counted = (values: readonly number[]) => values.slice(1)
  const stalls = ({ stall }: Cost) => stall.slice(TIMES)
  const [limit, stalled] = [median(counted(plain.ours)).toFixed(1), median(stalls(plain)).toFixed(0)]
  const theirs = (cost: Cost) => median(counted(cost.theirs)).toFixed(1)
  const one = `heartbeat of a socket, of ${SOCKETS}, CPU µs`
  const all = `longest stall while ${SOCKETS} sockets are renewed at once, ms`
  return [
    figureRow(
      {
        id: 'F1',
        what: `${one} (HSET and PEXPIRE: ${limit}; Redis itself: ${theirs(redis)}, with those ${theirs(plain)})`,
        target: { atMost: 3 },
      },
      counted(redis.ours),
    ),
    figureRow(
      {
        id: 'F1-postgres',
        what: `the same on PostgreSQL (which itself takes ${theirs(postgres)})`,
        target: 'reported',
      },
      counted(postgres.ours),
    ),
    figureRow(
      { id: 'F2', what: `${all} (HSET and PEXPIRE: ${stalled})`, target: { atMost: 20 } },
      stalls(redis),
    ),
    figureRow(
      { id: 'F2-postgres', what: 'the same on PostgreSQL', target: { atMost: 20 } },
      stalls(postgres),
    ),
  ]
}

function costOf(): Cost {
  return { ours: [], theirs: [], stall: [] }
}

/** Answers this process's µs for each socket. */
async function measure(cost: Cost, pid: number, round: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: STALL_RESOLUTION_MS })
  const theirs = await cpuUsedBy([pid])
  const { user, system } = await cpuOf(async () => {
    for (let i = 0; i < TIMES; i += 1) {
      delay.reset()
      delay.enable()
      // A stall counts when there was a look before it, and when it is over.
      await sleep(2 * STALL_RESOLUTION_MS)
      await round()
      await sleep(2 * STALL_RESOLUTION_MS)
      delay.disable()
      cost.stall.push(delay.max / NANOSECONDS_PER_MS)
    }
  })
  const ours = (user + system) / TIMES / SOCKETS
  cost.ours.push(ours)
  cost.theirs.push(((await cpuUsedBy([pid])) - theirs) / TIMES / SOCKETS)
  return ours
}

async function renewEach(redis: Redis, sockets: readonly LiveSocket[]): Promise<void> {
  const until = Date.now() + PRESENCE_TIMES.socketTtlMs
  await Promise.all(
    sockets.flatMap(({ userId, socketId }) => [
      redis.hset(`presence:user:${userId}`, socketId, until),
      redis.pexpire(`presence:user:${userId}`, PRESENCE_TIMES.socketTtlMs),
    ]),
  )
}

/** A connection that is not there yet fails every call. */
async function ready(live: Live): Promise<void> {
  for (;;) {
    try {
      await live.ping()
      return
    } catch {
      await sleep(50)
    }
  }
}
