import type { Costs } from './plan.ts'

/**
 * As measured by `npm run bench` on two shared cores of a virtual machine; a figure's row in brackets. Absolute times swing
 * by a quarter from one machine to the next: put yours here before you buy any.
 */
export const MEASURED: Costs = {
  edge: {
    // [A6]
    socketBytes: 9_800,
    // [idle-10k]
    socketSecond: 3.6,
    // [B4]: one core of an edge takes 19,800 a second.
    send: 50,
    // [A1], one message at a time: of those that come together each costs a tenth [A3].
    delivery: 12.2,
    // [read], at 2,500 a second: the more there are, the less each costs.
    read: 24.5,
  },
  // [G1], each process by itself, saturated.
  persister: { message: 100 },
  postgres: { message: 50 },
  kafka: { message: 36 },
  messageBytes: 500,
}
