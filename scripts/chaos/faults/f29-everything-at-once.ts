import { type ControlledRedis, schedule } from '@roomlog/testkit/proof'
import {
  crashService,
  freezeBroker,
  freezeDatabase,
  freezeService,
  killServer,
  killService,
  restartBroker,
  restartDatabase,
} from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'

const GAP_MS = [1_000, 6_000] as const
const FREEZE_MS = [2_000, 14_000] as const
const CRASH_POINTS = ['after_db_commit', 'before_publish', 'after_publish_before_offset_commit']

type Act = (nemesis: Nemesis, target: string, durationMs: number) => Promise<unknown>

/** By the name that the schedule has for it. */
const ACTS: Readonly<Record<string, Act>> = {
  kill: (n, target) => killService(n, target),
  freeze: (n, target, ms) => freezeService(n, target, ms),
  'crash-edge': (n, target) => crashService(n, target, ['after_produce_before_ack'], 2, [1, 40]),
  'crash-persister': (n, target) => crashService(n, target, CRASH_POINTS, 2, [1, 20]),
  'database-fast': (n) => restartDatabase(n, 'fast'),
  'database-immediate': (n) => restartDatabase(n, 'immediate'),
  'database-kill': (n) => restartDatabase(n, 'kill'),
  'database-freeze': (n, _target, ms) => freezeDatabase(n, ms),
  'kafka-stop': (n) => restartBroker(n, 'SIGTERM'),
  'kafka-kill': (n) => restartBroker(n, 'kill -9'),
  'kafka-freeze': (n, _target, ms) => freezeBroker(n, ms),
  'redis-flush': (n) => n.act('redis', 'FLUSHALL', () => redisOf(n).flushAll()),
  'redis-down': (n, _target, ms) => killServer(n, 'redis', redisOf(n), () => n.sleep(ms)),
}

function redisOf({ stack }: Nemesis): ControlledRedis {
  const { redis } = stack.servers
  if (redis === undefined) throw new Error('the engine has no Redis')
  return redis
}

const DATABASE = ['database-fast', 'database-immediate', 'database-kill', 'database-freeze']
const KAFKA_AND_REDIS = ['kafka-stop', 'kafka-kill', 'kafka-freeze', 'redis-flush', 'redis-down']

export const everythingAtOnce: Fault = {
  id: 'F29',
  title: 'everything at once',
  engines: BOTH,
  // Not only the fault that ends: others go on meanwhile.
  recovery: { p99Ms: 60_000 },
  inject: async (nemesis) => {
    const { edges, persisters, servers } = nemesis.stack
    const services = [
      { fault: 'kill', targets: [...edges, ...persisters, 'api'] },
      { fault: 'freeze', targets: [...edges, ...persisters] },
      { fault: 'crash-edge', targets: edges },
      { fault: 'crash-persister', targets: persisters },
    ]
    const serverFaults = servers.kafka === undefined ? DATABASE : [...DATABASE, ...KAFKA_AND_REDIS]
    // Services and servers have their troubles at once, each one at a time; people lose their connections all the while.
    await Promise.all([
      carryOut(nemesis, 1, services),
      carryOut(
        nemesis,
        2,
        serverFaults.map((fault) => ({ fault, targets: ['server'] })),
      ),
      dropPeople(nemesis),
    ])
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

async function dropPeople(nemesis: Nemesis): Promise<void> {
  const untilMs = performance.now() + nemesis.lengthMs
  while (performance.now() < untilMs) {
    await nemesis.sleep(nemesis.random.int(200, 1_500))
    nemesis.random.pick(nemesis.crowd.clients).drop()
  }
}
