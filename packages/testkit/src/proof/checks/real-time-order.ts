import type { FinalHistory } from './final-history.ts'
import type { Operation } from './operations.ts'
import type { Violation } from './violation.ts'

interface Placed {
  readonly operation: Operation
  readonly seq: number
}

/** I12: what was acknowledged before another was sent stands before it, whoever sent them and wherever. */
export function realTimeOrder(operations: readonly Operation[], final: FinalHistory): readonly Violation[] {
  const rooms = new Map<string, Placed[]>()
  for (const operation of operations) {
    const { roomId, userId, clientMsgId, body } = operation
    const row = final.rowsOf(roomId, userId, clientMsgId).find((it) => it.body === body)
    if (row === undefined) continue
    const placed = rooms.get(roomId) ?? []
    rooms.set(roomId, placed)
    placed.push({ operation, seq: row.seq })
  }
  return [...rooms.values()].flatMap(inversions)
}

function inversions(placed: readonly Placed[]): readonly Violation[] {
  const acked = placed
    .flatMap((it) => (it.operation.acceptedAt === undefined ? [] : [{ ...it, at: it.operation.acceptedAt }]))
    .toSorted((a, b) => a.at - b.at)
  const sent = placed.toSorted((a, b) => a.operation.firstSentAt - b.operation.firstSentAt)
  const violations: Violation[] = []
  let highest: Placed | undefined
  let next = 0
  for (const later of sent) {
    for (let it = acked[next]; it !== undefined && it.at < later.operation.firstSentAt; it = acked[next]) {
      if (it.seq > (highest?.seq ?? 0)) highest = it
      next += 1
    }
    if (highest === undefined || highest.seq < later.seq || highest.operation === later.operation) continue
    const { roomId, clientMsgId } = later.operation
    const what = `${roomId}: ${clientMsgId} is ${later.seq}, and ${highest.operation.clientMsgId}, acknowledged before it was sent, is ${highest.seq}`
    violations.push({ invariant: 'I12', what })
  }
  return violations
}
