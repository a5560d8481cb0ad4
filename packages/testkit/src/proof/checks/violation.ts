import type { Entry, Seen, SendAddress } from '../history.ts'

export interface Violation {
  /** `I1` … `I18`, the id of a fault whose bound was missed, or `trouble`. */
  readonly invariant: string
  readonly what: string
  /** The entries that it follows from, where they are few. */
  readonly trace?: readonly Entry[]
  /** The message whose entries `withTraces` puts there. */
  readonly about?: Pick<SendAddress, 'roomId' | 'clientMsgId'>
}

const TRACED = 20

/** With the first entries of the message that each is about: one pass over the history, however many there are. */
export function withTraces(
  history: readonly Entry[],
  violations: readonly Violation[],
): readonly Violation[] {
  const keyOf = ({ roomId, clientMsgId }: Pick<SendAddress, 'roomId' | 'clientMsgId'>) =>
    `${roomId} ${clientMsgId}`
  const traces = new Map<string, Entry[]>()
  for (const { about } of violations) if (about !== undefined) traces.set(keyOf(about), [])
  if (traces.size === 0) return violations
  for (const entry of history) {
    const trace = 'clientMsgId' in entry ? traces.get(keyOf(entry)) : undefined
    if (trace !== undefined && trace.length < TRACED) trace.push(entry)
  }
  return violations.map(({ about, ...violation }) =>
    about === undefined ? violation : { ...violation, trace: traces.get(keyOf(about)) ?? [] },
  )
}

/** Which message a row is said to be. */
export function addressOf(
  roomId: string,
  { senderId, clientMsgId }: Pick<Seen, 'senderId' | 'clientMsgId'>,
): string {
  return `${roomId} ${senderId} ${clientMsgId}`
}
