import type { Costs } from './plan.ts'

/**
 * As measured by `npm run bench` on two shared cores of a virtual machine; a figure's row in brackets. Absolute times swing
 * by a quarter from one machine to the next: put yours here before you buy any.
 */
export const MEASURED: Costs = {
  edge: {
    // [A6]
    socketBytes: 13_000,
    // [idle-10k]
    socketSecond: 4,
    // [B4] less what Kafka and PostgreSQL have of it.
    send: 100,
    // [A2], one message at a time: what comes together costs a tenth [A3].
    delivery: 12,
    // [read]
    read: 15,
  },
  // [G1], each process by itself.
  persister: { message: 100 },
  postgres: { message: 200 },
  kafka: { message: 150 },
  messageBytes: 500,
}
