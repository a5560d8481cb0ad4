import { type ControlledRedis, schedule } from '@roomlog/testkit/proof'
import {
  blackHole,
  crashService,
  databaseProxies,
  freezeBroker,
  freezeDatabase,
  freezeServer,
  freezeService,
  killServer,
  killService,
  logProxies,
  loseReply,
  restartBroker,
  restartDatabase,
  shiftClock,
} from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'

const GAP_MS = [1_000, 6_000] as const
const FREEZE_MS = [2_000, 14_000] as const
const TWO_HOURS_MS = 2 * 60 * 60 * 1000
/** Of a service that is stopped while its server is away. */
const EXIT_CODES = [0, 1]
const FLAPPING = 0.25
const BYTES = [5_000, 500_000] as const
const CRASH_POINTS = ['after_db_commit', 'before_publish', 'after_publish_before_offset_commit']

type Act = (nemesis: Nemesis, target: string, durationMs: number) => Promise<unknown>

/** By the name that the schedule has for it. */
const ACTS: Readonly<Record<string, Act>> = {
  kill: (n, target) => killService(n, target),
  freeze: (n, target, ms) => freezeService(n, target, ms),
  'crash-edge': (n, target) => crashService(n, target, ['after_produce_before_ack'], 2, [1, 40]),
  'crash-persister': (n, target) => crashService(n, target, CRASH_POINTS, 2, [1, 20]),
  'clock-ahead': (n, target, ms) => wrongClock(n, target, TWO_HOURS_MS, ms),
  'clock-behind': (n, target, ms) => wrongClock(n, target, -TWO_HOURS_MS, ms),
  'database-fast': (n) => restartDatabase(n, 'fast'),
  'database-immediate': (n) => restartDatabase(n, 'immediate'),
  'database-kill': (n) => restartDatabase(n, 'kill'),
  'database-freeze': (n, _target, ms) => freezeDatabase(n, ms),
  'database-unreachable': (n, _target, ms) =>
    blackHole(n, 'postgres', databaseProxies(n.stack), () => n.sleep(ms)),
  'commit-unanswered': (n) => loseReply(n, 'commit'),
  'append-unanswered': (n) => loseReply(n, 'append'),
  'kafka-stop': (n) => restartBroker(n, 'SIGTERM'),
  'kafka-kill': (n) => restartBroker(n, 'kill -9'),
  'kafka-freeze': (n, _target, ms) => freezeBroker(n, ms),
  'kafka-unreachable': (n, _target, ms) => blackHole(n, 'kafka', logProxies(n), () => n.sleep(ms)),
  'redis-flush': (n) => n.act('redis', 'FLUSHALL', () => redisOf(n).flushAll()),
  'redis-down': (n, _target, ms) => killServer(n, 'redis', redisOf(n), () => n.sleep(ms)),
  'redis-freeze': (n, _target, ms) => freezeServer(n, 'redis', redisOf(n), () => n.sleep(ms)),
}

function wrongClock(nemesis: Nemesis, target: string, shiftMs: number, durationMs: number): Promise<number> {
  return shiftClock(nemesis, target, shiftMs, () => nemesis.sleep(durationMs), EXIT_CODES)
}

function redisOf({ stack }: Nemesis): ControlledRedis {
  const { redis } = stack.servers
  if (redis === undefined) throw new Error('the engine has no Redis')
  return redis
}

const DATABASE = [
  ...['database-fast', 'database-immediate', 'database-kill', 'database-freeze'],
  ...['database-unreachable', 'commit-unanswered', 'append-unanswered'],
]
const KAFKA_AND_REDIS = [
  ...['kafka-stop', 'kafka-kill', 'kafka-freeze', 'kafka-unreachable'],
  ...['redis-flush', 'redis-down', 'redis-freeze'],
]

export const everythingAtOnce: Fault = {
  id: 'F29',
  title: 'everything at once',
  engines: BOTH,
  stack: { proxied: true },
  // Not only the fault that ends: others go on meanwhile.
  recovery: { p99Ms: 60_000 },
  inject: async (nemesis) => {
    const { edges, persisters, servers } = nemesis.stack
    const services = [
      { fault: 'kill', targets: [...edges, ...persisters, 'api'] },
      { fault: 'freeze', targets: [...edges, ...persisters] },
      { fault: 'crash-edge', targets: edges },
      { fault: 'crash-persister', targets: persisters },
      // Who is ahead takes every token for expired: people go to the other edge.
      { fault: 'clock-ahead', targets: [...edges, ...persisters] },
      { fault: 'clock-behind', targets: [...edges, ...persisters] },
    ]
    const serverFaults = servers.kafka === undefined ? DATABASE : [...DATABASE, ...KAFKA_AND_REDIS]
    // Services and servers have their troubles at once, each one at a time; people lose their connections all the while.
    const mend = breakFrames(nemesis)
    await Promise.all([
      carryOut(nemesis, 1, services),
      carryOut(
        nemesis,
        2,
        serverFaults.map((fault) => ({ fault, targets: ['server'] })),
      ),
      dropPeople(nemesis),
    ])
    mend()
  },
}

async function carryOut(
  nemesis: Nemesis,
  part: number,
  kinds: readonly { readonly fault: string; readonly targets: readonly string[] }[],
): Promise<void> {
  const { lengthMs, random } = nemesis
  const acts = schedule(random.int(0, 1_000_000) + part, {
    faults: kinds.map((kind) => ({ ...kind, durationMs: FREEZE_MS })),
    lengthMs,
    gapMs: GAP_MS,
    overlap: false,
  })
  const startedAtMs = performance.now()
  for (const { fault, target, startMs, durationMs } of acts) {
    // What took longer than planned, as a restart does, is followed by the next one at once.
    await nemesis.sleep(Math.max(0, startedAtMs + startMs - performance.now()))
    if (performance.now() - startedAtMs > lengthMs) return
    await ACTS[fault]?.(nemesis, target, durationMs)
  }
}

async function dropPeople({ crowd, random, lengthMs, sleep }: Nemesis): Promise<void> {
  const untilMs = performance.now() + lengthMs
  while (performance.now() < untilMs) {
    await sleep(random.int(200, 1_500))
    random.pick(crowd.clients).drop()
  }
}

/** The connections of some people end at random bytes, until the function mends it. */
function breakFrames({ crowd, stack, random }: Nemesis): () => void {
  const { edges } = stack.proxies
  for (const proxy of edges) proxy.resetAfter(() => random.int(...BYTES), Number.POSITIVE_INFINITY)
  const some = new Set(crowd.clients.slice(0, Math.ceil(crowd.clients.length * FLAPPING)))
  const restore = crowd.reroute(some, () => random.pick(edges).url)
  return () => {
    restore()
    for (const proxy of edges) proxy.heal()
    for (const client of some) client.drop()
  }
}
