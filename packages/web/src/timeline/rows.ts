import type { Message, Send } from '@roomlog/client'
import { dayNumber } from '../text/times.ts'

/** A message as it stands in the list, with what stands over it. */
export interface Row {
  /** The same while it is sent, when it is stored, and after a reload. */
  readonly key: string
  readonly senderId: string
  readonly body: string
  readonly createdAt: string
  /** Undefined while it is not stored. */
  readonly seq: number | undefined
  /** On its way; undefined once it is a message. */
  readonly send: Send | undefined
  /** The first of its day. */
  readonly beginsDay: boolean
  /** The first of those that one sender wrote in a row. */
  readonly beginsGroup: boolean
  /** The first that was not read when somebody came. */
  readonly beginsUnread: boolean
}

export interface RowsOptions {
  readonly me: string
  /** The seq up to which all was read; undefined shows no line. */
  readonly readUpTo: number | undefined
}

/** So long a pause begins a new group. */
const PAUSE_MS = 5 * 60_000
/** Who speaks on and on is named again when another such part of the day begins, wherever what is held begins. */
const PART_MS = 10 * 60_000

export function rowsOf(
  messages: readonly Message[],
  sends: readonly Send[],
  { me, readUpTo }: RowsOptions,
): readonly Row[] {
  const rows: Row[] = []
  let before: Row | undefined
  // Where the messages held begin later, the first that was not read is not among them.
  let isLineDue = readUpTo !== undefined && (messages[0]?.seq ?? 0) <= readUpTo + 1
  const add = (facts: Pick<Row, 'senderId' | 'body' | 'createdAt' | 'seq' | 'send'>, clientMsgId: string) => {
    const { senderId, createdAt, seq } = facts
    const beginsUnread = isLineDue && seq !== undefined && seq > (readUpTo ?? 0) && senderId !== me
    if (beginsUnread) isLineDue = false
    const beginsDay = before === undefined || !isSameDay(before.createdAt, createdAt)
    const beginsGroup =
      beginsDay || beginsUnread || before?.senderId !== senderId || isFar(before.createdAt, createdAt)
    before = { ...facts, key: `${senderId} ${clientMsgId}`, beginsDay, beginsGroup, beginsUnread }
    rows.push(before)
  }
  for (const { senderId, body, createdAt, seq, clientMsgId } of messages)
    add({ senderId, body, createdAt, seq, send: undefined }, clientMsgId)
  for (const send of sends) {
    const { body, createdAt, clientMsgId } = send
    add({ senderId: me, body, createdAt, seq: undefined, send }, clientMsgId)
  }
  return rows
}

/** Those of before, where nothing about them has changed: what is drawn from one is then not drawn again. */
export function withSame(before: readonly Row[], rows: readonly Row[]): readonly Row[] {
  const known = new Map(before.map((row) => [row.key, row]))
  const next = rows.map((row) => {
    const old = known.get(row.key)
    return old !== undefined && isSame(old, row) ? old : row
  })
  const isNothingNew = next.length === before.length && next.every((row, index) => row === before[index])
  return isNothingNew ? before : next
}

function isSame(a: Row, b: Row): boolean {
  return (Object.keys(a) as (keyof Row)[]).every((name) => a[name] === b[name])
}

function isSameDay(a: string, b: string): boolean {
  return a.slice(0, 16) === b.slice(0, 16) || dayNumber(new Date(a)) === dayNumber(new Date(b))
}

/** Clocks of edges differ a little: one may be before the other. */
function isFar(a: string, b: string): boolean {
  const [first, second] = [Date.parse(a), Date.parse(b)]
  const isOtherPart = Math.floor(first / PART_MS) !== Math.floor(second / PART_MS)
  return isOtherPart || Math.abs(second - first) > PAUSE_MS
}
