import { check } from './check.ts'
import type { Entry, Seen } from './history.ts'
import type { Unstamped } from './recorder.ts'

export const ROOM = 'room'
const STEP_MS = 10

type Of<T extends Entry['type']> = Extract<Unstamped, { type: T }>
type Told<T extends Entry['type']> = Partial<Omit<Of<T>, 'type' | 'client'>>

/** The names of what a history violates, each once, sorted. */
export function violated(history: readonly Entry[]): readonly string[] {
  return Object.keys(check(history).totals).toSorted()
}

/** A stored message; what is not given follows from its sender and `clientMsgId`. */
export function row(seq: number, client: string, clientMsgId: string, body = `text of ${clientMsgId}`): Seen {
  return { seq, id: `id-${clientMsgId}`, senderId: userOf(client), clientMsgId, body }
}

export function userOf(client: string): string {
  return `user-${client}`
}

/**
 * Tells a history, a step of 10 ms for each entry: what people do in one room, in which every message goes to all who are
 * told to get it. Whatever a method is given besides replaces what it would tell, which is how faults are told.
 */
export class ToldHistory {
  readonly entries: Entry[] = []
  readonly stored: Seen[] = []
  #t = 0
  #reads = 0
  #ops = 0

  get now(): number {
    return this.#t
  }

  wait(ms: number): this {
    this.#t += ms
    return this
  }

  say(entry: Unstamped): this {
    this.#t += STEP_MS
    this.entries.push({ t: this.#t, ...entry } as Entry)
    return this
  }

  person(client: string, member: readonly string[] = [ROOM]): this {
    return this.say({ type: 'person', client, userId: userOf(client), member })
  }

  /** A person with a connection, `<client>-1`, that has joined the room. */
  enters(client: string): this {
    return this.person(client).connects(client).joins(client)
  }

  connects(client: string, connection = `${client}-1`): this {
    return this.say({ type: 'connected', client, connection, edge: 'edge' })
  }

  closes(client: string, connection = `${client}-1`): this {
    return this.say({ type: 'closed', client, connection, code: 1006 })
  }

  asksToJoin(client: string, told: { readonly afterSeq?: number; readonly connection?: string } = {}): this {
    return this.say({ type: 'join', client, connection: `${client}-1`, roomId: ROOM, ...told })
  }

  joined(client: string, told: Told<'joined'> = {}): this {
    const headSeq = this.stored.length
    const base = { connection: `${client}-1`, roomId: ROOM, headSeq, asked: true }
    return this.say({ type: 'joined', client, ...base, ...told })
  }

  joins(client: string, told: { readonly afterSeq?: number; readonly connection?: string } = {}): this {
    const { connection = `${client}-1` } = told
    return this.asksToJoin(client, told).joined(client, { connection })
  }

  sends(client: string, clientMsgId: string, told: Told<'send'> = {}): this {
    return this.say({
      ...{ type: 'send', client, userId: userOf(client), roomId: ROOM, clientMsgId },
      ...{ body: `text of ${clientMsgId}`, attempt: 1, connection: `${client}-1`, ...told },
    })
  }

  acked(client: string, clientMsgId: string, told: Told<'ack'> = {}): this {
    return this.say({
      ...{ type: 'ack', client, userId: userOf(client), roomId: ROOM, clientMsgId, status: 'ACCEPTED' },
      ...{ body: `text of ${clientMsgId}`, connection: `${client}-1`, ...told },
    })
  }

  failed(client: string, clientMsgId: string, code: string): this {
    return this.acked(client, clientMsgId, { status: 'FAILED', code })
  }

  rejected(client: string, clientMsgId: string, code: string): this {
    return this.say({
      type: 'rejected',
      client,
      userId: userOf(client),
      roomId: ROOM,
      clientMsgId,
      code,
    })
  }

  /** It becomes the next of the room. */
  stores(client: string, clientMsgId: string, body?: string): this {
    this.stored.push(row(this.stored.length + 1, client, clientMsgId, body))
    return this
  }

  /** A connection gets the stored message of that seq. */
  gets(client: string, seq: number, told: Partial<Seen> & { readonly connection?: string } = {}): this {
    const message = { ...this.at(seq), ...told }
    return this.say({ type: 'live', client, connection: `${client}-1`, roomId: ROOM, ...message })
  }

  /** Sent, acknowledged, stored, and live for those readers. */
  talks(client: string, clientMsgId: string, readers: readonly string[]): this {
    this.sends(client, clientMsgId).acked(client, clientMsgId).stores(client, clientMsgId)
    for (const reader of readers) this.gets(reader, this.stored.length)
    return this
  }

  at(seq: number): Seen {
    return this.stored[seq - 1] ?? row(seq, 'nobody', `missing-${seq}`)
  }

  /** Returns the name of the read, for its `page`. */
  asks(client: string, told: Told<'read'> = {}): string {
    this.#reads += 1
    const read = `read-${this.#reads}`
    this.say({ type: 'read', client, roomId: ROOM, after: 0, final: false, read, ...told })
    return read
  }

  /** By default of everything that is stored. */
  page(client: string, read: string, told: Told<'page'> = {}): this {
    const messages = told.messages ?? [...this.stored]
    const base = { read, roomId: ROOM, head: this.stored.length, hasMore: false, final: false }
    return this.say({ type: 'page', client, ...base, ...told, messages })
  }

  reads(client: string, told: Told<'page'> = {}): this {
    return this.page(client, this.asks(client, { final: told.final ?? false }), told)
  }

  cursor(
    client: string,
    lastReadSeq: number,
    how: 'answer' | 'frame' | 'members' = 'answer',
    startedAt = this.now + STEP_MS / 2,
  ): this {
    return this.say({
      ...{ type: 'cursor', client, roomId: ROOM, userId: userOf(client) },
      ...{ lastReadSeq, startedAt, how },
    })
  }

  /** Returns the name of the change, for its end. */
  begins(change: 'add' | 'remove', client: string): string {
    this.#ops += 1
    const op = `op-${this.#ops}`
    this.ends(change, client, op, 'begin')
    return op
  }

  ends(
    change: 'add' | 'remove',
    client: string,
    op: string,
    phase: 'begin' | 'done' | 'failed' = 'done',
  ): this {
    const base = { client: 'owner', roomId: ROOM, userId: userOf(client) }
    return this.say({ type: 'membership', change, phase, op, ...base })
  }

  changes(change: 'add' | 'remove', client: string): this {
    return this.ends(change, client, this.begins(change, client))
  }

  phase(phase: Of<'phase'>['phase']): this {
    return this.say({ type: 'phase', phase })
  }

  /** The end of a run: readers read all of the room, each in one page. */
  settles(readers: readonly string[], told: Told<'page'> = {}): readonly Entry[] {
    this.phase('stopped').phase('settled')
    for (const reader of readers) this.reads(reader, { ...told, final: true })
    return this.phase('over').entries
  }
}

/** Two in the room, and the load has begun. */
export function told(): ToldHistory {
  return new ToldHistory().enters('ann').enters('bob').phase('load')
}

export const BOTH = ['ann', 'bob'] as const
