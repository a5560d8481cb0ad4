import type { Entry, Seen, SendAddress } from '../history.ts'
import type { FinalHistory } from './final-history.ts'
import type { Sighting } from './sightings.ts'
import { addressOf, type Violation } from './violation.ts'

/** All attempts of one (room, sender, clientMsgId) with one body. */
export interface Operation extends SendAddress {
  readonly body: string
  readonly firstSentAt: number
  attempts: number
  /** Answers that say: not published. */
  failures: number
  acceptedAt: number | undefined
  seenAt: number | undefined
  /** When the last attempt was begun before which every other had failed. */
  retriedAt: number | undefined
}

interface Message {
  readonly operations: Operation[]
  readonly rejections: Set<string>
  /** seq and id of its rows, as anybody ever saw them. */
  readonly rows: Set<string>
  readonly bodies: Set<string>
  /** Its seqs, as they were seen and as repeats were answered with. */
  readonly seqs: Set<number>
}

/** The one failure whose attempt may have been published all the same. */
const OUTCOME_UNKNOWN = 'unavailable'
const REUSED = 'client_msg_id_reused'

/** I1, I2, I3, I4, I18: what was sent, what was answered, and what came of it. */
export function operations(history: readonly Entry[], seen: readonly Sighting[], final: FinalHistory) {
  const messages = gather(history)
  const violations: Violation[] = observed(seen, messages)
  const all: Operation[] = []
  let [lost, duplicated] = [0, 0]
  for (const [address, message] of messages) {
    const [first] = message.operations
    if (first === undefined) {
      const codes = [...message.rejections].join(', ')
      violations.push({ invariant: 'I1', what: `${address} was never sent, and was rejected with ${codes}` })
      continue
    }
    all.push(...message.operations)
    const name = `${first.roomId} ${first.client} ${first.clientMsgId}`
    if (message.rows.size > 1) {
      duplicated += 1
      violations.push({
        invariant: 'I2',
        what: `${name} has rows ${[...message.rows].join(', ')}`,
        about: first,
      })
    }
    for (const what of changesOf(message)) {
      violations.push({ invariant: 'I18', what: `${name} ${what}`, about: first })
    }
    for (const code of message.rejections) {
      if (code !== REUSED || message.operations.length < 2) {
        violations.push({ invariant: 'I1', what: `${name} was rejected with ${code}`, about: first })
      }
    }
    const rows = final.rowsOf(first.roomId, first.userId, first.clientMsgId)
    for (const operation of message.operations) {
      const what = fateOf(operation, rows, message)
      if (what === undefined) continue
      if (what.invariant === 'I1') lost += 1
      violations.push({ invariant: what.invariant, what: `${name} ${what.what}`, about: first })
    }
  }
  const acked = all.filter(({ acceptedAt }) => acceptedAt !== undefined).length
  const failed = all.filter(hasFailed).length
  return {
    operations: all,
    violations,
    counts: { operations: all.length, acked, failed, unknown: all.length - acked - failed, lost, duplicated },
  }
}

/** What repeats of a message changed of it, which is nothing. */
function changesOf({ operations: all, bodies, rows, seqs }: Message): readonly string[] {
  const changes: string[] = []
  if (bodies.size > 1) changes.push(`was seen with ${bodies.size} bodies`)
  if (rows.size <= 1 && seqs.size > 1)
    changes.push(`is ${[...seqs].join(' and ')} by what repeats were answered`)
  // Of two bodies the first in the log is stored: the one acknowledged before the other was sent.
  const stored = all.find(({ body }) => bodies.has(body))
  const earlier = all.find(
    (it) => !bodies.has(it.body) && (it.acceptedAt ?? Number.POSITIVE_INFINITY) < (stored?.firstSentAt ?? 0),
  )
  if (earlier !== undefined) changes.push('has the body of a repeat, sent after the first was acknowledged')
  return changes
}

function fateOf(
  operation: Operation,
  rows: readonly Seen[],
  { operations: all }: Message,
): { readonly invariant: string; readonly what: string } | undefined {
  if (hasFailed(operation)) {
    return operation.seenAt === undefined
      ? undefined
      : { invariant: 'I4', what: 'was seen although every attempt failed' }
  }
  // "Never" holds at every moment: when the attempt before which all had failed was begun, this was an all-`fail` operation
  // that had been seen, and nothing done later can have been what was seen. An attempt that is under way or unknown can.
  if (
    operation.retriedAt !== undefined &&
    (operation.seenAt ?? Number.POSITIVE_INFINITY) < operation.retriedAt
  ) {
    return { invariant: 'I4', what: 'was seen, and until then every attempt had failed' }
  }
  const isOk = operation.acceptedAt !== undefined || operation.seenAt !== undefined
  if (!isOk || rows.some(({ body }) => body === operation.body)) return undefined
  // The other body has the name: this one was refused, and its sender may have been away when it was told.
  if (all.length > 1 && rows.length > 0) return undefined
  return { invariant: 'I1', what: 'was acknowledged or seen, and is not in the history' }
}

function hasFailed({ attempts, failures, acceptedAt }: Operation): boolean {
  return acceptedAt === undefined && failures >= attempts
}

function gather(history: readonly Entry[]): Map<string, Message> {
  const messages = new Map<string, Message>()
  for (const entry of history) {
    if (entry.type !== 'send' && entry.type !== 'ack' && entry.type !== 'rejected') continue
    const address = addressOf(entry.roomId, { senderId: entry.userId, clientMsgId: entry.clientMsgId })
    const message = messages.get(address) ?? {
      operations: [],
      rejections: new Set(),
      rows: new Set(),
      bodies: new Set(),
      seqs: new Set(),
    }
    messages.set(address, message)
    if (entry.type === 'rejected') {
      message.rejections.add(entry.code)
      continue
    }
    let operation = message.operations.find(({ body }) => body === entry.body)
    if (operation === undefined) {
      const { client, userId, roomId, clientMsgId, body, t } = entry
      operation = {
        ...{ client, userId, roomId, clientMsgId, body },
        ...{
          firstSentAt: t,
          attempts: 0,
          failures: 0,
          acceptedAt: undefined,
          seenAt: undefined,
          retriedAt: undefined,
        },
      }
      message.operations.push(operation)
    }
    if (entry.type === 'send') {
      if (operation.attempts > 0 && hasFailed(operation)) operation.retriedAt = entry.t
      operation.attempts += 1
    } else if (entry.status === 'ACCEPTED') {
      operation.acceptedAt ??= entry.t
      if (entry.seq !== undefined) message.seqs.add(entry.seq)
    } else if (entry.code !== OUTCOME_UNKNOWN) operation.failures += 1
  }
  return messages
}

/** Everything that anybody saw was sent before, by that sender, in that room, with that body. */
function observed(sightings: readonly Sighting[], messages: ReadonlyMap<string, Message>): Violation[] {
  const violations: Violation[] = []
  const told = new Set<string>()
  for (const { seen, entry } of sightings) {
    const { roomId } = entry
    const message = messages.get(addressOf(roomId, seen))
    const operation = message?.operations.find(({ body }) => body === seen.body)
    if (message === undefined || operation === undefined) {
      const key = `${roomId} ${seen.seq}`
      if (!told.has(key))
        violations.push({ invariant: 'I3', what: `${key} was sent by nobody`, trace: [entry] })
      told.add(key)
      continue
    }
    if (operation.seenAt === undefined && operation.firstSentAt > entry.t) {
      const what = `${roomId} ${seen.seq} was seen before it was sent`
      violations.push({ invariant: 'I3', what, trace: [entry] })
    }
    operation.seenAt ??= entry.t
    message.rows.add(`${seen.seq} ${seen.id}`)
    message.bodies.add(seen.body)
    message.seqs.add(seen.seq)
  }
  return violations
}
