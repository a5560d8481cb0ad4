import { CLOSE_CODES, type CloseReason, SEND_FAILURES } from '@roomlog/protocol'
import { Counter, counterBy, gauge, Histogram, type Registry, SECONDS_BUCKETS } from '@roomlog/service-kit'

/** Before there is a socket: the gate's. Behind it they are close reasons. */
const GATE_REFUSALS = ['rate_limited', 'origin', 'not_ready', 'overloaded'] as const
const SOCKET_REFUSALS = ['unauthenticated', 'badProtocol', 'restart'] as const satisfies CloseReason[]

export type EdgeMetrics = ReturnType<typeof createEdgeMetrics>
export type SocketRefusal = (typeof SOCKET_REFUSALS)[number]
export type HandshakeRefusal = (typeof GATE_REFUSALS)[number] | SocketRefusal

/** What an edge counts, in `registry`. `sizes` are asked at each scrape. */
export function createEdgeMetrics(
  registry: Registry,
  sizes: {
    readonly connections: () => number
    readonly rooms: () => number
    readonly pendingAppends: () => number
  },
) {
  const registers = [registry]
  gauge(registry, 'roomlog_edge_connections', 'Open sockets', sizes.connections)
  gauge(registry, 'roomlog_edge_rooms', 'Rooms with a socket here', sizes.rooms)
  gauge(
    registry,
    'roomlog_edge_pending_appends',
    'Sends whose record waits for the log or is under way to it',
    sizes.pendingAppends,
  )
  return {
    sends: counterBy(
      registry,
      {
        name: 'roomlog_edge_sends_total',
        help: 'Sends answered, by result: accepted, or the code of the refusal',
        label: 'result',
      },
      ['accepted', ...Object.keys(SEND_FAILURES)],
    ),
    acceptedToAcked: new Histogram({
      name: 'roomlog_edge_accepted_to_acked_seconds',
      help: 'From the acceptance of a send until the log has it, which its ack says then',
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    acceptedToDelivered: new Histogram({
      name: 'roomlog_edge_accepted_to_delivered_seconds',
      help: "From a message's acceptance, by the clock of the edge that took it, until it is handed to the live sockets here; once a message",
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    gapFills: new Counter({
      name: 'roomlog_edge_gap_fills_total',
      help: 'Reads of a room from the database because an event was missing',
      registers,
    }),
    persisted: new Counter({
      name: 'roomlog_edge_persisted_records_total',
      help: 'Persisted messages heard of, of rooms that have a socket here',
      registers,
    }),
    rejected: new Counter({
      name: 'roomlog_edge_rejected_records_total',
      help: 'Rejections passed on to a sender here',
      registers,
    }),
    handshakes: counterBy(
      registry,
      {
        name: 'roomlog_edge_handshakes_total',
        help: 'Handshakes, by result: accepted, or why not',
        label: 'result',
      },
      ['accepted', ...GATE_REFUSALS, ...SOCKET_REFUSALS],
    ),
    closes: counterBy(
      registry,
      {
        name: 'roomlog_edge_closes_total',
        help: 'Sockets closed, by the close code of who closed first; 4408: slow consumers',
        label: 'code',
      },
      [...Object.values(CLOSE_CODES).map(({ code }) => code), 'other'],
    ),
  }
}
