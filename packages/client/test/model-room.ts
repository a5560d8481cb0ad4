import type { Message } from '@roomlog/protocol/wire'
import type { PageRead, RoomFrame } from '../src/timeline/room-view-events.ts'

export const ROOM_ID = '01HRM0000000000000000000A0'
export const MAX_RESUME = 7
const MAX_PAGE = 5

export interface ReadAnswer {
  readonly messages: readonly Message[]
  readonly epoch: string
}

/** What goes over a socket to the owner of a view. */
export type SocketFrame = RoomFrame | { readonly type: 'roomAdded' }

/** The room's log as it is stored, and as it was in each epoch. */
export class ModelRoom {
  epoch = 'epoch-1'
  isMember = true
  /** Whether it ever went back without saying so: then what was seen may differ from what is stored. */
  wentBackUnmarked = false
  /** By epoch. */
  readonly #logs = new Map<string, readonly Message[]>([['epoch-1', []]])
  #epochs = 1
  #committed = 0

  get log(): readonly Message[] {
    return this.logOf(this.epoch)
  }

  get head(): number {
    return this.log.length
  }

  logOf(epoch: string | undefined): readonly Message[] {
    return this.#logs.get(epoch ?? '') ?? []
  }

  commit(isOfUnknownKind: boolean): void {
    this.#committed += 1
    const message = {
      id: `id-${this.#committed}`,
      roomId: ROOM_ID,
      seq: this.head + 1,
      kind: isOfUnknownKind ? 'reaction' : 'message',
      senderId: 'sender',
      clientMsgId: `client-${this.#committed}`,
      body: `commit ${this.#committed}`,
      createdAt: '2026-01-02T03:04:05.678Z',
    }
    // A later build's kinds are in no type of this one's.
    this.#logs.set(this.epoch, [...this.log, message as Message])
  }

  restore(head: number, isMarked: boolean): void {
    const kept = this.log.slice(0, head)
    if (isMarked) this.#epochs += 1
    else this.wentBackUnmarked = true
    this.epoch = `epoch-${this.#epochs}`
    this.#logs.set(this.epoch, kept)
  }

  /** As the history answers it; undefined to who is no member. */
  read(read: PageRead): ReadAnswer | undefined {
    if (!this.isMember) return undefined
    const limit = Math.min(read.limit, MAX_PAGE)
    const { head, epoch, log } = this
    if ('after' in read) return { epoch, messages: log.slice(read.after, read.after + limit) }
    const end = Math.min(head, read.before - 1)
    return { epoch, messages: log.slice(Math.max(0, end - limit), end) }
  }
}

/** One socket at an edge: what it was asked, what it gives, each in order, and where its stream stands. */
export class ModelSocket {
  readonly connection: number
  /** On their way to the client. */
  frames: SocketFrame[] = []
  /** On their way to the edge: joins, and leaving. */
  requests: ({ readonly ref: string; readonly afterSeq: number | undefined } | 'leave')[] = []
  /** A restore ends it: the edge gives nothing of a log that is another one. */
  isFrozen = false
  /** What came over it is no more what was given. */
  isCorrupt = false
  /** A refusal that is decided and takes its time. */
  #refusal: RoomFrame | undefined
  readonly #room: ModelRoom
  #position: number | undefined

  constructor(room: ModelRoom, connection: number) {
    this.#room = room
    this.connection = connection
  }

  /** Whether the edge has given everything. */
  get isServed(): boolean {
    const isAtHead = this.#position === undefined || this.#position === this.#room.head
    const isQuiet = this.frames.length === 0 && this.requests.length === 0
    return isQuiet && isAtHead && this.#refusal === undefined
  }

  /** The edge looks at the next request. */
  serve(isRefused: boolean, isSlow: boolean): void {
    this.#refuse()
    const request = this.requests.shift()
    if (request === undefined || this.isFrozen) return
    this.#position = undefined
    if (request === 'leave') {
      this.frames.push({ type: 'leftRoom', roomId: ROOM_ID })
      return
    }
    const { ref, afterSeq } = request
    const { head, epoch, isMember } = this.#room
    if (isRefused || !isMember) {
      const refusal = isMember
        ? ({ code: 'unavailable', retryable: true } as const)
        : ({ code: 'not_a_member', retryable: false } as const)
      this.#refusal = { type: 'error', roomId: ROOM_ID, message: 'refused', ref, ...refusal }
      if (!isSlow) this.#refuse()
      return
    }
    const recovery = recoveryOf(afterSeq, head)
    this.frames.push({ type: 'joinedRoom', roomId: ROOM_ID, headSeq: head, epoch, ref, ...recovery })
    this.#position = recovery.recovered === true ? afterSeq : head
  }

  #refuse(): void {
    if (this.#refusal !== undefined) this.frames.push(this.#refusal)
    this.#refusal = undefined
  }

  /** The edge gives the next messages. */
  stream(count: number): void {
    this.#refuse()
    if (this.#position === undefined || this.isFrozen) return
    for (const message of this.#room.log.slice(this.#position, this.#position + count)) {
      this.frames.push({ type: 'newMessage', message })
      this.#position = message.seq
    }
  }

  /** The edge fell behind and goes on at the head. */
  skip(): void {
    const { head, epoch } = this.#room
    if (this.#position === undefined || this.#position === head || this.isFrozen) return
    this.#position = head
    const frame = { type: 'joinedRoom', roomId: ROOM_ID, headSeq: head, epoch } as const
    this.frames.push({ ...frame, recovered: false, reason: 'too_far' })
  }

  remove(): void {
    this.#position = undefined
    this.frames.push({ type: 'removedFromRoom', roomId: ROOM_ID })
  }

  /** What no edge does: a message of the stream is gone, or comes twice. */
  corrupt(index: number, isLost: boolean): void {
    const frame = this.frames[index]
    if (frame?.type !== 'newMessage') return
    this.isCorrupt = true
    this.frames.splice(index, isLost ? 1 : 0, ...(isLost ? [] : [frame]))
  }
}

function recoveryOf(afterSeq: number | undefined, head: number) {
  if (afterSeq === undefined) return {}
  if (afterSeq > head) return { recovered: false, reason: 'reset' } as const
  if (head - afterSeq > MAX_RESUME) return { recovered: false, reason: 'too_far' } as const
  return { recovered: true } as const
}
