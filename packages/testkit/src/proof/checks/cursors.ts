import type { Entry, Seen } from '../history.ts'
import type { Violation } from './violation.ts'

type Answer = Extract<Entry, { type: 'cursor' }>

/**
 * I16: a read position that was answered is never answered lower to who asks later, nor is one above the head: it is set by
 * a message, which somebody has seen by then, or by the head that who is added finds, which nobody may have seen yet.
 */
export function cursors(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  const heads = new Map<string, number>()
  const answers = new Map<string, Answer[]>()
  for (const entry of history) {
    const shown = headShownBy(entry)
    if (shown !== undefined && 'roomId' in entry && shown > (heads.get(entry.roomId) ?? 0)) {
      heads.set(entry.roomId, shown)
    }
    if (entry.type !== 'cursor') continue
    const head = heads.get(entry.roomId) ?? 0
    if (entry.lastReadSeq > head && !mayBeFound(history, entry)) {
      const what = `${entry.roomId}: a read position of ${entry.lastReadSeq} is above the head ${head}`
      violations.push({ invariant: 'I16', what, trace: [entry] })
    }
    // Frames are hints, which can overtake each other; clients take the highest.
    if (entry.how === 'frame') continue
    const key = `${entry.userId} ${entry.roomId}`
    const own = answers.get(key) ?? []
    answers.set(key, own)
    own.push(entry)
  }
  for (const own of answers.values()) violations.push(...decreases(own))
  return violations
}

/** Whether the position may be the head that its owner found when added: the message there was sent before. */
function mayBeFound(history: readonly Entry[], { roomId, userId, lastReadSeq, t }: Answer): boolean {
  const before = history.filter((entry) => entry.t < t && 'roomId' in entry && entry.roomId === roomId)
  const isAdding = (entry: Entry) =>
    entry.type === 'membership' && entry.change === 'add' && entry.userId === userId
  if (!before.some(isAdding)) return false
  const seenIn = (entry: Entry): readonly Seen[] => {
    if (entry.type === 'live' && entry.roomId === roomId) return [entry]
    return entry.type === 'page' && entry.roomId === roomId ? entry.messages : []
  }
  const message = history.flatMap(seenIn).find(({ seq }) => seq === lastReadSeq)
  return before.some(
    (entry) =>
      entry.type === 'send' &&
      entry.userId === message?.senderId &&
      entry.clientMsgId === message.clientMsgId,
  )
}

function headShownBy(entry: Entry): number | undefined {
  if (entry.type === 'live' || entry.type === 'ack') return entry.seq
  if (entry.type === 'joined') return entry.headSeq
  if (entry.type === 'page') return Math.max(entry.head, entry.messages.at(-1)?.seq ?? 0)
  return undefined
}

function decreases(answers: readonly Answer[]): readonly Violation[] {
  // In the order in which they came; each is compared with the highest that came before it was asked.
  const asked = answers.toSorted((a, b) => a.startedAt - b.startedAt)
  const violations: Violation[] = []
  let highest: Answer | undefined
  let next = 0
  for (const answer of asked) {
    for (let it = answers[next]; it !== undefined && it.t < answer.startedAt; it = answers[next]) {
      if (it.lastReadSeq > (highest?.lastReadSeq ?? -1)) highest = it
      next += 1
    }
    if (highest === undefined || answer.lastReadSeq >= highest.lastReadSeq) continue
    const what = `the read position of ${answer.userId} in ${answer.roomId} went from ${highest.lastReadSeq} to ${answer.lastReadSeq}`
    violations.push({ invariant: 'I16', what, trace: [highest, answer] })
  }
  return violations
}
