/** What one unit of work costs, in µs of CPU, and what it holds, in bytes. */
export interface Costs {
  readonly edge: {
    /** Of an idle socket that has joined its rooms. */
    readonly socketBytes: number
    /** A second of it. */
    readonly socketSecond: number
    /** A message that is sent here, until its ack. */
    readonly send: number
    /** A stored message to one socket. */
    readonly delivery: number
    /** A stored message of a room that has no socket here: every edge reads all of them. */
    readonly read: number
  }
  readonly persister: { readonly message: number }
  readonly postgres: { readonly message: number }
  readonly kafka: { readonly message: number }
  /** In the log, stored form. */
  readonly messageBytes: number
}

export interface Demand {
  /** With a socket. */
  readonly users: number
  readonly messagesPerSecond: number
  /** Sockets that a message goes to. */
  readonly fanOut: number
  /** How much of the log an edge reads; default: all of it. */
  readonly readShare?: number
}

/** What is had for each process and server. */
export interface Machines {
  /** Of a core, so that peaks and the loss of one are carried. */
  readonly busyAtMost: number
  readonly edgeMemoryBytes: number
  /** That are believed to share the work evenly: what more of them bring is not known here. */
  readonly postgresCores: number
  readonly brokerBytesPerSecond: number
  readonly brokerCores: number
}

export const MACHINES: Machines = {
  busyAtMost: 0.6,
  edgeMemoryBytes: 4 * 1024 ** 3,
  postgresCores: 16,
  brokerBytesPerSecond: 500_000_000,
  brokerCores: 8,
}

export interface Plan {
  readonly edges: number
  readonly persisters: number
  readonly partitions: number
  readonly brokers: number
  /** Of the one primary. */
  readonly postgresCores: number
  /** What does not fit any more, whatever is added. */
  readonly walls: readonly Wall[]
}

export type Wall = 'every edge reads all messages' | 'one PostgreSQL primary'

const CORE = 1_000_000
const BROKERS_AT_LEAST = 3
const PARTITIONS_AT_LEAST = 12
const COPIES = 3
/** Topics that hold each message: taken, and stored. */
const TOPICS = 2

/** How many of each it takes. Edges and persisters are one core each. */
export function plan(demand: Demand, costs: Costs, machines = MACHINES): Plan {
  const { users, messagesPerSecond, fanOut, readShare = 1 } = demand
  const budget = CORE * machines.busyAtMost
  const { socketSecond, send, delivery, read, socketBytes } = costs.edge
  // What is left of an edge once it has read what all others are sent as well.
  const own = budget - messagesPerSecond * readShare * read
  const work = users * socketSecond + messagesPerSecond * (send + fanOut * delivery)
  const edges = Math.max(
    1,
    own > 0 ? Math.ceil(work / own) : Number.POSITIVE_INFINITY,
    Math.ceil((users * socketBytes) / machines.edgeMemoryBytes),
  )
  const persisters = Math.max(1, Math.ceil((messagesPerSecond * costs.persister.message) / budget))
  const postgresCores = Math.max(1, Math.ceil((messagesPerSecond * costs.postgres.message) / budget))
  return {
    edges,
    persisters,
    partitions: Math.max(PARTITIONS_AT_LEAST, 2 ** Math.ceil(Math.log2(2 * persisters))),
    brokers: brokersFor(demand, edges, costs, machines),
    postgresCores,
    walls: [
      ...(own > 0 ? [] : ['every edge reads all messages' as const]),
      ...(postgresCores > machines.postgresCores ? ['one PostgreSQL primary' as const] : []),
    ],
  }
}

/** The most messages a second before each wall, with as many machines as one likes. */
export function wallsOf(costs: Costs, machines = MACHINES): Readonly<Record<Wall, number>> {
  const budget = CORE * machines.busyAtMost
  return {
    'every edge reads all messages': budget / costs.edge.read,
    'one PostgreSQL primary': (budget * machines.postgresCores) / costs.postgres.message,
  }
}

function brokersFor(
  { messagesPerSecond, readShare = 1 }: Demand,
  edges: number,
  costs: Costs,
  machines: Machines,
): number {
  if (!Number.isFinite(edges)) return Number.POSITIVE_INFINITY
  const copied = TOPICS * COPIES * messagesPerSecond * costs.messageBytes
  const readByAll = (edges * readShare + 1) * messagesPerSecond * costs.messageBytes
  const work = messagesPerSecond * costs.kafka.message
  return Math.max(
    BROKERS_AT_LEAST,
    Math.ceil((copied + readByAll) / machines.brokerBytesPerSecond),
    Math.ceil(work / (CORE * machines.busyAtMost * machines.brokerCores)),
  )
}
