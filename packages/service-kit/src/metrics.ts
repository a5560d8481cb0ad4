import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export { Counter, Gauge, Histogram, type Registry }

/** For what takes milliseconds, and a minute while something is away. */
export const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** Each look at the event loop wakes the process: prom-client's own 10 ms is most of what an idle service does. */
const EVENT_LOOP_LOOK_MS = 50

/** A registry of its own per application, so that several can live in one process; with Node's own figures. */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS })
  return registry
}

/** A gauge without labels, whose value is asked at each scrape. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}

/** A counter with one label, whose series are all there from the start: else its first step would be no increase. */
export function counterBy<L extends string>(
  registry: Registry,
  options: { readonly name: string; readonly help: string; readonly label: L },
  values: Iterable<string | number>,
): Counter<L> {
  const { name, help, label } = options
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] })
  for (const value of values) counter.inc({ [label]: value } as Record<L, string | number>, 0)
  return counter
}

/** Connections of a pool now. */
export interface PoolCounts {
  readonly open: number
  /** Of the open ones. */
  readonly idle: number
  /** Who waits for one. */
  readonly waiting: number
}

/** How a service's pools of database connections are, by their names. */
export function measurePools(registry: Registry, pools: Readonly<Record<string, () => PoolCounts>>): void {
  const registers = [registry]
  const counts = () => Object.entries(pools).map(([pool, read]) => [pool, read()] as const)
  new Gauge({
    name: 'roomlog_database_connections',
    help: 'Open connections to the database, by pool and state: busy or idle',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const [pool, { open, idle }] of counts()) {
        this.set({ pool, state: 'busy' }, open - idle)
        this.set({ pool, state: 'idle' }, idle)
      }
    },
  })
  new Gauge({
    name: 'roomlog_database_waiting',
    help: 'Statements and transactions that wait for a connection, by pool',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const [pool, { waiting }] of counts()) this.set({ pool }, waiting)
    },
  })
}

/** How a member of a consumer group is. */
export interface MemberHealth {
  readonly assigned: number
  readonly connected: boolean
  readonly lag: number
  readonly oldestMs: number
}

/** What a member of `group` says of itself; nothing before it is one (`read` answers undefined). */
export function measureMember(registry: Registry, group: string, read: () => MemberHealth | undefined): void {
  const add = (name: string, help: string, of: (health: MemberHealth) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['group'],
      registers: [registry],
      collect() {
        const health = read()
        if (health !== undefined) this.set({ group }, of(health))
      },
    })
  add('roomlog_consumer_partitions', "Partitions of the log that are this member's", (it) => it.assigned)
  add('roomlog_consumer_connected', '1 while the member takes part in its group', (it) =>
    it.connected ? 1 : 0,
  )
  add('roomlog_consumer_lag_records', 'Records of its partitions that are not handled yet', (it) => it.lag)
  add(
    'roomlog_consumer_oldest_seconds',
    'Since when the oldest record waits that was fetched and is not handled; 0: none',
    (it) => Math.max(0, it.oldestMs) / 1000,
  )
}
