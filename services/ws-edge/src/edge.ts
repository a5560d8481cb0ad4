import { broadcastGroup } from '@roomlog/events'
import {
  createMetrics,
  endProcess,
  type Logger,
  measureMember,
  measurePools,
  type Tracing,
} from '@roomlog/service-kit'
import { Broadcast } from './broadcast/broadcast.ts'
import { createConsumer, notHearing } from './broadcast/consumer.ts'
import type { Config } from './config.ts'
import { PresenceKeeper } from './live/presence.ts'
import { SignalHandler } from './live/signals.ts'
import { createEdgeMetrics } from './metrics.ts'
import { Epoch } from './rooms/epoch.ts'
import { RoomReader } from './rooms/room-reader.ts'
import { Rooms } from './rooms/rooms.ts'
import { Memberships } from './sends/memberships.ts'
import { Sends } from './sends/sends.ts'
import { openServers, type ServersOverrides } from './servers.ts'
import { Connections } from './sockets/connections.ts'
import { TokenBuckets } from './sockets/limits.ts'
import { EdgeTraces } from './traces.ts'

/** Of one user at once: four sockets in as many rooms as they may be; all of them again after ten seconds. */
const JOIN_BURST_SOCKETS = 4
const JOINS_AGAIN_S = 10

export interface EdgeOverrides extends ServersOverrides {
  /** Told when nothing will be heard any more; by default the process ends, to be started again. */
  readonly onFatal?: (error: Error) => void
  /** Undefined: no traces. */
  readonly tracing?: Tracing | undefined
}

export type Edge = ReturnType<typeof createEdge>

/** What an edge is made of, but for its sockets' server. */
export function createEdge(config: Config, log: Logger, overrides: EdgeOverrides) {
  const { limits, edgeId } = config
  const joinBurst = JOIN_BURST_SOCKETS * limits.maxRoomsPerSocket
  const servers = openServers(config, log, overrides)
  const { database, live } = servers
  const { db } = database

  const traces = overrides.tracing && new EdgeTraces(overrides.tracing, config.eventLog)
  const registry = createMetrics()
  const connections = new Connections(limits.maxSocketsPerUser)
  const metrics = createEdgeMetrics(registry, {
    connections: () => connections.size,
    rooms: () => rooms.size,
    pendingAppends: () => consumer.eventLog?.pending ?? 0,
  })
  const epoch = new Epoch(db, log)
  const reader = new RoomReader(db)
  const rooms = new Rooms({
    db,
    reader,
    limits,
    metrics,
    traces,
    log,
    onWatch: (roomId) => signals.watch({ kind: 'room', roomId }),
    onUnwatch: (roomId) => signals.unwatch({ kind: 'room', roomId }),
  })
  const memberships = new Memberships(db, reader, log)
  const consumer = createConsumer({
    edgeId,
    openLog: servers.openLog,
    broadcast: new Broadcast({ rooms, connections, metrics, traces, log }),
    onFatal: overrides.onFatal ?? endProcess,
    logger: log,
  })
  measureMember(registry, broadcastGroup(edgeId), () => consumer.health())
  measurePools(registry, servers.pools)
  const sends = new Sends({
    db,
    eventLog: () => consumer.eventLog,
    memberships,
    edgeId,
    limits,
    metrics,
    traces,
    log,
  })
  const signals = new SignalHandler({ signals: live.signals, rooms, connections, memberships, log })
  const presence = new PresenceKeeper({ presence: live.presence, connections, db, log })

  return {
    registry,
    metrics,
    connections,
    rooms,
    joins: new TokenBuckets(joinBurst / JOINS_AGAIN_S, joinBurst),
    sends,
    signals,
    presence,
    checks: {
      database: () => database.ping(),
      ...(servers.isEmbedded ? {} : { kafka: () => consumer.ping(), redis: () => live.ping() }),
    },
    /** Throws before `canAccept`. */
    epoch: () => {
      if (epoch.value === undefined) throw new TypeError('the epoch is not known yet')
      return epoch.value
    },
    /** From the first readiness on: trouble with the log is waited out with the sockets open. */
    canAccept: () => consumer.isCaughtUp && epoch.value !== undefined,
    notReady: () =>
      notHearing(consumer) ?? (epoch.value === undefined ? 'the epoch is not known' : undefined),
    start: () => {
      signals.start()
      rooms.start()
      consumer.start()
    },
    stop: async () => {
      connections.stop()
      signals.stop()
      // Each may have to wait for something that is away: not one after the other.
      await Promise.all([consumer, rooms, memberships, epoch, presence].map((it) => it.stop()))
      await servers.close()
    },
  }
}
