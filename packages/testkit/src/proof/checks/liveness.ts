import type { Entry, SendAddress } from '../history.ts'
import type { FinalHistory } from './final-history.ts'
import type { Position } from './streams.ts'
import type { Violation } from './violation.ts'

const READY_WITHIN_MS = 15_000
const ACKS_WITHIN_MS = 30_000
const ACKS = 5

/**
 * I13: services are back soon, and in the end everybody who is in a room has all of it. I14: everybody gets ACKs of new
 * sends. Undefined where the history does not say when the faults were over or when everything was to be settled.
 */
export function liveness(
  history: readonly Entry[],
  positions: readonly Position[],
  final: FinalHistory,
): readonly Violation[] | undefined {
  const phaseAt = (phase: string) => history.find((e) => e.type === 'phase' && e.phase === phase)?.t
  const healedAt = phaseAt('healed')
  if (healedAt === undefined || phaseAt('settled') === undefined) return undefined
  return [...ready(history, healedAt), ...behind(positions, final), ...unanswered(history, healedAt)]
}

function ready(history: readonly Entry[], healedAt: number): readonly Violation[] {
  const readyAt = history.find(({ type, t }) => type === 'ready' && t >= healedAt)?.t
  if (readyAt !== undefined && readyAt - healedAt <= READY_WITHIN_MS) return []
  const after = readyAt === undefined ? 'never' : `after ${Math.round(readyAt - healedAt)} ms`
  return [
    { invariant: 'I13', what: `services were connected again ${after}, not within ${READY_WITHIN_MS} ms` },
  ]
}

function behind(positions: readonly Position[], final: FinalHistory): readonly Violation[] {
  return positions.flatMap(({ connection, roomId, last, isJoined }): readonly Violation[] => {
    const head = final.headOf(roomId)
    if (head === undefined || last >= head || !isJoined) return []
    return [{ invariant: 'I13', what: `${connection} has ${roomId} up to ${last}, and its head is ${head}` }]
  })
}

/** An ACK of a send begun before shows that what had been taken by then is answered, not that a new one is. */
function unanswered(history: readonly Entry[], healedAt: number): readonly Violation[] {
  const acks = new Map<string, number>()
  const begun = new Set<string>()
  for (const entry of history) {
    if (entry.type === 'send') {
      acks.set(entry.client, acks.get(entry.client) ?? 0)
      if (entry.t >= healedAt && entry.attempt === 1) begun.add(sendOf(entry))
    }
    if (entry.type !== 'ack' || entry.status !== 'ACCEPTED' || entry.t > healedAt + ACKS_WITHIN_MS) continue
    if (begun.has(sendOf(entry))) acks.set(entry.client, (acks.get(entry.client) ?? 0) + 1)
  }
  return [...acks].flatMap(([client, count]): readonly Violation[] =>
    count >= ACKS
      ? []
      : [
          {
            invariant: 'I14',
            what: `${client} got ${count} ACKs of new sends within ${ACKS_WITHIN_MS} ms of the last heal`,
          },
        ],
  )
}

function sendOf({ client, roomId, clientMsgId, body }: SendAddress & { readonly body: string }): string {
  return `${client} ${roomId} ${clientMsgId} ${body}`
}
