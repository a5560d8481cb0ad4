import type { ClientFrame, Message, Room as RoomFacts, Visibility } from '@roomlog/protocol/wire'
import type { Api } from '../api.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Send } from '../outbox/outbox-state.ts'
import type { Platform } from '../platform/platform.ts'
import type { Value } from '../platform/value.ts'
import { Timeline } from '../timeline/timeline.ts'
import type { Reads } from './reads.ts'
import type { Rooms } from './rooms.ts'
import { Typing } from './typing.ts'

export interface RoomOptions {
  readonly id: string
  readonly platform: Platform
  readonly api: Api
  readonly rooms: Rooms
  readonly reads: Reads
  /** Throws where nobody is signed in. */
  readonly outbox: () => Outbox
  /** Nothing where nobody is signed in. */
  readonly sends: () => readonly Send[]
  readonly write: (frame: ClientFrame) => void
  /** The socket that is open, if one is. */
  readonly connection: () => number | undefined
  /** Of any sender, about to be shown. */
  readonly onMessages: (messages: readonly Message[]) => void
}

/** One room, as this user has it. */
export class Room {
  readonly id: string
  readonly #options: RoomOptions
  readonly #typing: Typing
  #timeline: Timeline | undefined

  constructor(options: RoomOptions) {
    this.#options = options
    this.id = options.id
    this.#typing = new Typing(options.platform, options.id, options.write)
  }

  /** Name, role, last message, unread count and so on; undefined while this user is not known to be a member. */
  get facts(): RoomFacts | undefined {
    return this.#options.rooms.list.get().get(this.id)
  }

  /**
   * Queues a message, and sends it as soon as that is possible: after those before it, again until it is answered, and
   * stored once. The answer is how it stands at first; `timeline().snapshot` and the client's event `send` tell the rest.
   */
  send(body: string): Send {
    this.#typing.tell(false)
    return this.#options.outbox().send(this.id, body)
  }

  /** What is on its way, in the order of sending; refused ones as well, until they are retried or discarded. */
  get sends(): readonly Send[] {
    return this.#options.sends()
  }

  /** Sends one that was refused once more. */
  retry(send: Send): void {
    this.#options.outbox().retry(send)
  }

  /** Forgets a send. One that was given to an edge already may appear all the same. */
  discard(send: Send): void {
    this.#options.outbox().feed({ ...send, type: 'discard' })
  }

  /** The room followed live: one object until it is closed. */
  timeline(options: { readonly maxMessages?: number } = {}): Timeline {
    if (this.#timeline !== undefined) return this.#timeline
    const { platform, write, api, connection, sends, onMessages } = this.#options
    const timeline = new Timeline({
      ...{ platform, roomId: this.id, write, readPage: api.history, maxMessages: options.maxMessages },
      ...{ sends, onMessages },
      onClose: () => {
        this.#timeline = undefined
      },
    })
    this.#timeline = timeline
    const open = connection()
    if (open !== undefined) timeline.feed({ type: 'connected', connection: open })
    return timeline
  }

  /** For the client: the timeline that is open, if one is. */
  get followed(): Timeline | undefined {
    return this.#timeline
  }

  /** This user has read up to and with this message; told once a second at most. */
  markRead(message: Pick<Message, 'id' | 'seq'>): void {
    const { id, seq } = message
    if (seq > (this.facts?.lastReadSeq ?? 0)) this.#options.reads.read({ roomId: this.id, id, seq })
  }

  /** To be called at each key: it is told to others once in 3 s. */
  setTyping(isTyping: boolean): void {
    this.#typing.tell(isTyping)
  }

  /** Ids of others who type. */
  get typing(): Value<readonly string[]> {
    return this.#typing.others
  }

  /** For the client. */
  heardTyping(userId: string, isTyping: boolean): void {
    this.#typing.heard(userId, isTyping)
  }

  /** For the client: this socket is gone. */
  lost(connection: number): void {
    this.#timeline?.feed({ type: 'lost', connection })
    this.#typing.reset()
  }

  async leave(): Promise<void> {
    await this.#options.api.removeMember(this.id, 'me')
    this.#options.rooms.feed({ type: 'removed', roomId: this.id })
  }

  async update(changes: { readonly name?: string; readonly visibility?: Visibility }): Promise<RoomFacts> {
    return this.#options.rooms.entered(await this.#options.api.updateRoom(this.id, changes))
  }
}
