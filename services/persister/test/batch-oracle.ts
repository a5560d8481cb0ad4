import type { LogRecord } from '@roomlog/event-log'
import { type EncodedRecord, encodeCreated, HEADERS, type Topic } from '@roomlog/events'
import { must } from '@roomlog/testkit/model-runs'
import { isNamesake, type StoredRow } from './judge.ts'
import { type ModelDatabase, UNSTORABLE_TIME } from './model-store.ts'

export const PARTITIONS = 2
/** With their partitions. */
const ROOMS = [
  ['01HRM0000000000000000000A0', 0],
  ['01HRM0000000000000000000B0', 1],
  ['01HRM0000000000000000000C0', 0],
] as const
const UNKNOWN_ROOM = '01HRM0000000000000000000X0'
const SENDERS = ['01HSND000000000000000000A0', '01HSND000000000000000000B0'] as const
const POISONS = ['of no room', 'of no time', 'of a bad body', 'of no form'] as const
/** What the sender is told, where it can be read who that is. */
const CODES = {
  'of no room': 'room_not_found',
  'of no time': 'validation_failed',
  'of a bad body': 'validation_failed',
  'of no form': undefined,
} as const
const ACCEPTED_AT = '2026-01-02T03:04:05.678Z'
export const ROOM_IDS = ROOMS.map(([id]) => id)

interface Address {
  readonly roomId: string
  readonly senderId: string
  readonly clientMsgId: string
}

type Fate =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'reused' }
  | { readonly kind: 'dead'; readonly code: string | undefined }

interface Sent {
  readonly address: Address
  readonly body: string
  readonly offset: number
  readonly fate: Fate
  /** How often readers of the persisted topic, and of the dead letters, were told of it. */
  told: number
  buried: number
}

/**
 * The created records, and what the design says becomes of each: in the order of the log the first of its (room, sender,
 * clientMsgId) is stored, under the next seq of its room; whatever crashes, races or is delivered twice.
 */
export class BatchOracle {
  readonly logs: readonly LogRecord[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly #sent: readonly Sent[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly #winners = new Map<string, Sent>()
  readonly #rooms = new Map<string, Sent[]>(ROOM_IDS.map((id) => [id, []]))
  readonly #seenByEdge = new Map<string, number>(ROOM_IDS.map((id) => [id, 0]))
  readonly #database: ModelDatabase

  constructor(database: ModelDatabase) {
    this.#database = database
  }

  /** A client's send, mostly of few keys, so that they meet often; now and then something that cannot be stored. */
  send(n: number, m: number): void {
    const [room, partition] = ROOMS[n % ROOMS.length] ?? ROOMS[0]
    const senderId = SENDERS[m % SENDERS.length] ?? ''
    const poison = m % 13 === 0 ? POISONS[n % POISONS.length] : undefined
    const roomId = poison === 'of no room' ? UNKNOWN_ROOM : room
    const clientMsgId = poison === undefined ? `message-${n % 7}` : `poison-${n % POISONS.length}`
    const acceptedAt = poison === 'of no time' ? UNSTORABLE_TIME : ACCEPTED_AT
    const body = poison === 'of a bad body' ? 'a\0b' : m % 5 === 0 ? 'other' : 'body'
    const address = { roomId, senderId, clientMsgId }
    const event = { ...address, eventId: roomId, body, acceptedAt, edgeId: 'edge' }
    const value = poison === 'of no form' ? Buffer.from('{') : encodeCreated(event).value
    const fate = poison === undefined ? undefined : ({ kind: 'dead', code: CODES[poison] } as const)
    this.#append(partition, { key: roomId, headers: {}, value }, address, body, fate)
  }

  #append(
    partition: number,
    record: Omit<LogRecord, 'offset'>,
    address: Address,
    body: string,
    fate: Fate | undefined,
  ): void {
    const [log, list] = [this.logs[partition] ?? [], this.#sent[partition] ?? []]
    const offset = log.length
    log.push({ ...record, offset: BigInt(offset) })
    const sent = { address, body, offset, fate: fate ?? this.#fateOf(address, body), told: 0, buried: 0 }
    list.push(sent)
    if (sent.fate.kind !== 'stored') return
    this.#winners.set(keyOf(address), sent)
    this.#rooms.get(address.roomId)?.push(sent)
  }

  #fateOf(address: Address, body: string): Fate {
    const winner = this.#winners.get(keyOf(address))
    if (winner === undefined) {
      return { kind: 'stored', seq: (this.#rooms.get(address.roomId)?.length ?? 0) + 1 }
    }
    return { kind: winner.body === body ? 'repeat' : 'reused' }
  }

  /** The room's log grew by this row. */
  committed(row: StoredRow): void {
    const rows = this.#database.rooms.get(row.roomId)?.rows ?? []
    const earlier = rows.slice(0, -1)
    const [before, wanted] = [earlier.at(-1), this.#rooms.get(row.roomId)?.[row.seq - 1]]
    must(!earlier.some((it) => isNamesake(it, row)), 'I2: one message has two rows')
    must(!earlier.some(({ seq }) => seq === row.seq), 'I5: one seq has two messages')
    must(row.seq === rows.length, `I6: seq ${row.seq} follows ${before?.seq ?? 0}`)
    must(before === undefined || before.id < row.id, 'ids do not rise with seq')
    must(wanted !== undefined && isOf(row, wanted), 'I3: stored is what was not sent, or not in its turn')
  }

  appended(topic: Topic, record: EncodedRecord): void {
    if (topic === 'deadLetters') this.#buried(record)
    else if (record.headers[HEADERS.to] !== undefined) this.#rejected(record)
    else this.#published(record)
  }

  #published({ value, key, headers }: EncodedRecord): void {
    const { message } = JSON.parse(value.toString()) as { readonly message: StoredRow }
    const row = this.#database.rooms.get(message.roomId)?.rows[message.seq - 1]
    must(row !== undefined, 'published is what is not committed')
    must(
      row.id === message.id && row.body === message.body && isNamesake(row, message),
      'I5: published is another message than the one stored under its seq',
    )
    must(key === row.roomId && headers[HEADERS.seq] === String(row.seq), 'a record under a wrong key or seq')
    const winner = this.#winners.get(keyOf(row))
    if (winner !== undefined) winner.told += 1
    this.#seenAtEdge(row)
  }

  /** Drops what it has, fills a jump from the database. */
  #seenAtEdge({ roomId, seq }: StoredRow): void {
    const last = this.#seenByEdge.get(roomId) ?? 0
    if (seq <= last) return
    const filled = this.#database.rooms.get(roomId)?.rows.slice(last, seq) ?? []
    must(filled.length === seq - last, 'what an edge jumps over is not in the database')
    this.#seenByEdge.set(roomId, seq)
  }

  #rejected({ value }: EncodedRecord): void {
    const { code, ...address } = JSON.parse(value.toString()) as Address & { readonly code: string }
    const meant = this.#sent
      .flat()
      .filter((it) => keyOf(it.address) === keyOf(address) && codeOf(it.fate) === code)
    must(meant.length > 0, `rejected with ${code} without reason`)
    for (const it of meant) it.told += 1
  }

  #buried({ headers }: EncodedRecord): void {
    const partition = Number(headers[HEADERS.originPartition])
    const sent = this.#sent[partition]?.[Number(headers[HEADERS.originOffset])]
    must(sent?.fate.kind === 'dead', 'dead-lettered is what can be stored')
    sent.buried += 1
  }

  /** The group has committed that these records are done. */
  done(partition: number, from: number, to: number): void {
    for (const sent of this.#sent[partition]?.slice(from, to) ?? []) {
      const { address, fate } = sent
      if (fate.kind === 'stored' || fate.kind === 'repeat') {
        const winner = this.#winners.get(keyOf(address))
        const row =
          winner?.fate.kind === 'stored'
            ? this.#database.rooms.get(address.roomId)?.rows[winner.fate.seq - 1]
            : undefined
        must(row !== undefined, 'I1: done is what is not stored')
        must((winner?.told ?? 0) > 0, 'I13: done is what was never published')
      } else if (fate.kind === 'reused') {
        must(sent.told > 0, 'I18: the sender of a reused clientMsgId was never told')
      } else {
        must(sent.buried > 0, 'done is poison that is not among the dead letters')
        must(fate.code === undefined || sent.told > 0, 'the sender of poison was never told')
      }
    }
  }

  /** Everything is done. */
  atRest(): void {
    for (const [roomId, wanted] of this.#rooms) {
      const room = this.#database.rooms.get(roomId)
      must(room?.rows.length === wanted.length && room.lastSeq === wanted.length, 'I1: not all is stored')
      must(this.#seenByEdge.get(roomId) === wanted.length, 'I13: an edge does not reach the head')
    }
  }
}

function keyOf({ roomId, senderId, clientMsgId }: Address): string {
  return `${roomId} ${senderId} ${clientMsgId}`
}

function isOf(row: StoredRow, { address, body, offset }: Sent): boolean {
  return keyOf(row) === keyOf(address) && row.body === body && row.sourceOffset === BigInt(offset)
}

function codeOf(fate: Fate): string | undefined {
  return fate.kind === 'reused' ? 'client_msg_id_reused' : fate.kind === 'dead' ? fate.code : undefined
}
