import { Counter, Gauge, type Registry } from '@roomlog/service-kit'

export type EdgeMetrics = ReturnType<typeof createEdgeMetrics>

/** What an edge counts, in `registry`. `sizes` are asked at each scrape. */
export function createEdgeMetrics(
  registry: Registry,
  sizes: { readonly connections: () => number; readonly rooms: () => number },
) {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('roomlog_edge_connections', 'Open sockets', sizes.connections)
  gauge('roomlog_edge_rooms', 'Rooms with a socket here', sizes.rooms)
  return {
    sends: new Counter({
      name: 'roomlog_edge_sends_total',
      help: 'Sends answered, by result: accepted, or the code of the refusal',
      labelNames: ['result'] as const,
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
    handshakes: new Counter({
      name: 'roomlog_edge_handshakes_total',
      help: 'Handshakes, by result: accepted, or why not',
      labelNames: ['result'] as const,
      registers,
    }),
    closes: new Counter({
      name: 'roomlog_edge_closes_total',
      help: 'Sockets closed, by close code',
      labelNames: ['code'] as const,
      registers,
    }),
  }
}
