import type { ClientFrame, Message, ServerFrame, ServerFrameOf, User } from '@roomlog/protocol/wire'
import { type Api, apiOf } from './api.ts'
import type { ClientEvents, Told } from './client-events.ts'
import type { ClientOptions, NewAccount } from './client-options.ts'
import { Connection } from './connection/connection.ts'
import type { ConnectionStatus } from './connection/connection-status.ts'
import { EdgeUrls } from './connection/edge-urls.ts'
import { Outbox } from './outbox/outbox.ts'
import type { Send } from './outbox/outbox-state.ts'
import { defaultOutboxStore, type OutboxStore } from './outbox/outbox-store.ts'
import { Emitter } from './platform/emitter.ts'
import { defaultPlatform, type Platform } from './platform/platform.ts'
import type { Value } from './platform/value.ts'
import { Reads } from './rooms/reads.ts'
import { Room } from './rooms/room.ts'
import type { RoomList } from './rooms/room-list.ts'
import { Rooms } from './rooms/rooms.ts'
import { Users } from './rooms/users.ts'
import { type Call, Rest } from './session/rest.ts'
import { memorySessionStore } from './session/session-store.ts'
import { Sessions } from './session/sessions.ts'
import type { RoomFrame } from './timeline/room-view-events.ts'
import type { Timeline } from './timeline/timeline.ts'

/** A user's Roomlog: who is signed in, one connection for all rooms, and what is on its way. */
export class RoomlogClient {
  /** The api's calls as they are. */
  readonly api: Api
  readonly #platform: Platform
  readonly #sessions: Sessions
  readonly #connection: Connection
  readonly #events = new Emitter<ClientEvents>()
  readonly #outboxStore: (userId: string) => OutboxStore | Promise<OutboxStore>
  readonly #rooms: Rooms
  readonly #users: Users
  readonly #unsubscribe: () => void
  #reads: Reads
  #outbox: Outbox | undefined
  #byId = new Map<string, Room>()

  constructor(options: ClientOptions) {
    const platform = { ...defaultPlatform(), ...options.platform }
    this.#platform = platform
    const rest = new Rest(options.url, platform)
    this.#sessions = new Sessions(rest, options.sessionStore ?? memorySessionStore(), platform)
    this.#outboxStore = options.outboxStore ?? ((userId) => defaultOutboxStore(userId, platform))
    this.api = apiOf(async <T>(path: string, call?: Call) => {
      const answer = await this.#sessions.call<T>(path, call)
      this.#users.learnFrom(answer)
      return answer
    })
    this.#users = new Users(platform, this.api)
    this.#connection = new Connection({
      ...{ platform, sessions: this.#sessions, urls: new EdgeUrls(rest, platform.random) },
      onOpen: (connection, welcome) => this.#opened(connection, welcome),
      onFrame: (connection, frame) => this.#received(connection, frame),
      onLost: (connection) => this.#lost(connection),
    })
    this.#rooms = new Rooms({
      ...{ platform, api: this.api, write: this.#write },
      followed: this.#followed,
    })
    this.#reads = new Reads(this.#platform, this.api, this.#rooms)
    this.#unsubscribe = this.#sessions.onSignedOut(() => this.#forget())
  }

  // --- who is signed in ------------------------------------------------------------------------------------------------

  /** Undefined when nobody is, or when the session has ended. */
  get user(): Value<User | undefined> {
    return this.#sessions.user
  }

  /** Signs in; `connect` is another step. */
  login(account: { readonly username: string; readonly password: string }): Promise<User> {
    return this.#sessions.begin('/auth/login', account)
  }

  /** Makes an account and signs it in. */
  register(account: NewAccount): Promise<User> {
    return this.#sessions.begin('/auth/register', account)
  }

  /** Signs out here whatever happens, with all tabs, and forgets what is on its way; rejects when the api was not told. */
  async logout(): Promise<void> {
    const outbox = this.#useOutbox()
    this.#outbox = undefined
    await Promise.all([outbox.clear(), this.#sessions.end()])
  }

  // --- the connection -----------------------------------------------------------------------------------------------------

  get connection(): Value<ConnectionStatus> {
    return this.#connection.status
  }

  /**
   * Connects, and again after each loss, until `disconnect` or a reason to stop that `connection` tells. The list of rooms
   * is read meanwhile.
   */
  connect(): void {
    this.#useOutbox()
    this.#connection.start()
    void this.#rooms.readAhead()
  }

  disconnect(): void {
    this.#connection.stop()
  }

  /** Ends it all; what is on its way stays kept where there is a store for it. */
  close(): void {
    this.#unsubscribe()
    this.#connection.dispose()
    this.#sessions.close()
    this.#forget()
  }

  /** Now on the server's clock, in ms since 1970; on this machine's before the first connection. */
  serverMs(): number {
    return this.#connection.serverMs()
  }

  /** Calls `listener` at each such event; the answer ends that. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  // --- rooms and people ---------------------------------------------------------------------------------------------------

  /** The user's rooms by id, with unread counts and last messages; kept up while connected. */
  get rooms(): Value<RoomList> {
    return this.#rooms.list
  }

  /** One of the user's rooms, the same object each time; nothing is asked for by it. */
  room(roomId: string): Room {
    const known = this.#byId.get(roomId)
    if (known !== undefined) return known
    const room = new Room({
      ...{ id: roomId, platform: this.#platform, api: this.api, rooms: this.#rooms, write: this.#write },
      ...{ reads: this.#reads, outbox: () => this.#useOutbox() },
      sends: () => this.#outbox?.sendsTo(roomId) ?? [],
      connection: () => this.#connection.open,
      onMessages: (messages) => this.#seen(messages),
    })
    this.#byId.set(roomId, room)
    return room
  }

  async createRoom(facts: Parameters<Api['createRoom']>[0]): Promise<Room> {
    return this.room(this.#rooms.entered(await this.api.createRoom(facts)).id)
  }

  /** Becomes a member of a public room. */
  async joinRoom(roomId: string): Promise<Room> {
    return this.room(this.#rooms.entered(await this.api.joinRoom(roomId)).id)
  }

  /** Users that an answer of the api has told of; `userOf` reads one that is not known. */
  get users(): Value<ReadonlyMap<string, User>> {
    return this.#users.known
  }

  /** Undefined until it is known: `users` changes then. */
  userOf(userId: string): User | undefined {
    return this.#users.get(userId)
  }

  /** Whether messages on their way outlive this page: false before `connect`, in Node, and where a browser keeps nothing. */
  get isOutboxKept(): boolean {
    return this.#outbox?.isKept === true
  }

  // --- what comes and goes ------------------------------------------------------------------------------------------------

  #write = (frame: ClientFrame): void => this.#connection.send(frame)

  #opened(connection: number, { epoch, limits }: ServerFrameOf<'welcome'>): void {
    for (const room of this.#byId.values()) room.followed?.feed({ type: 'connected', connection })
    this.#rooms.connected(epoch, limits)
    this.#outbox?.feed({ type: 'connected', maxUnacked: limits.maxUnacked })
  }

  #lost(connection: number): void {
    for (const room of this.#byId.values()) room.lost(connection)
    this.#rooms.lost()
    this.#outbox?.feed({ type: 'lost' })
  }

  #received(connection: number, frame: ServerFrame): void {
    if (frame.type === 'newMessage') this.#seen([frame.message])
    const { roomId = '' } =
      frame.type === 'newMessage' ? frame.message : (frame as { readonly roomId?: string })
    // A view passes over what is not for it.
    this.#followed(roomId)?.feed({ type: 'frame', connection, frame: frame as RoomFrame })
    this.#rooms.received(frame, this.user.get()?.id)
    if (frame.type === 'ack') this.#outbox?.feed({ ...frame, answer: frame })
    if (frame.type === 'messageRejected') this.#outbox?.feed({ ...frame, type: 'refused' })
    if (frame.type === 'typing') this.#byId.get(frame.roomId)?.heardTyping(frame.userId, frame.isTyping)
    // Whoever listens does so for one that is named above.
    this.#events.emit(frame.type as Told, frame as never)
  }

  /** Those of this user are on their way no more. */
  #seen(messages: readonly Message[]): void {
    const userId = this.user.get()?.id
    for (const message of messages)
      if (message.senderId === userId) this.#outbox?.feed({ ...message, type: 'seen' })
  }

  #followed = (roomId: string): Timeline | undefined => this.#byId.get(roomId)?.followed

  /** Of the user who is signed in; throws `signed_out` where nobody is. */
  #useOutbox(): Outbox {
    const { user } = this.#sessions.current
    this.#outbox ??= new Outbox({
      ...{ platform: this.#platform, store: this.#outboxStore(user.id), write: this.#write },
      onChanged: (send) => this.#sendChanged(send),
    })
    return this.#outbox
  }

  #sendChanged(send: Send): void {
    this.#followed(send.roomId)?.sendChanged(send)
    this.#events.emit('send', send)
  }

  /** What belongs to the user who was signed in. */
  #forget(): void {
    for (const room of this.#byId.values()) room.followed?.close()
    this.#byId = new Map()
    this.#outbox?.close()
    this.#outbox = undefined
    this.#reads.close()
    this.#reads = new Reads(this.#platform, this.api, this.#rooms)
    this.#rooms.forget()
  }
}
