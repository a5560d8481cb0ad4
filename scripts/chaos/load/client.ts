import type { Message, ServerFrame, ServerFrameOf, Session } from '@roomlog/protocol/wire'
import { SUBPROTOCOL } from '@roomlog/protocol/wire'
import { monotonicMs, type Random, type Recording, type Seen } from '@roomlog/testkit/proof'
import { WebSocket } from 'ws'
import { call } from './rest.ts'
import { Sends } from './sends.ts'

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1_000
/** A refused join is asked again after so long, then twice as long, and so on. */
const FIRST_REJOIN_MS = 200
const LONGEST_REJOIN_MS = 2_000
const HANDSHAKE_TIMEOUT_MS = 5_000
const HEARTBEAT_MS = 20_000
/** Half-open connections are noticed by this long a silence, as the protocol asks of clients. */
const SILENT_MS = 45_000
const WATCH_MS = 1_000
const KEPT_POSITIONS = 20
/** So long before it is to leave a draining edge a client sends nothing there that could not be answered in time. */
const HOLD_BEFORE_LEAVING_MS = 300
const EDGE_CHOICES = 8
/** The edge is about to stop; the edge does not believe the token. */
const BETTER_ELSEWHERE = [1012, 4401]

export interface ChaosClientOptions {
  readonly name: string
  readonly session: Session
  readonly apiUrl: string
  /** Chooses an edge at each attempt; may say undefined: not now. */
  readonly edgeFor: (client: ChaosClient) => string | undefined
  readonly recording: Recording
  readonly random: Random
}

interface Room {
  /** The last seq that this client has, over all connections. */
  last: number
  isMember: boolean
  /** A join is not answered yet. */
  isAsked: boolean
  isJoined: boolean
  /** Runs while a refused join waits to be asked again. */
  retry: NodeJS.Timeout | undefined
  /** Refused so often, one after the other. */
  refusals: number
  readonly recent: { readonly seq: number; readonly id: string }[]
}

/**
 * A user of a chaos run: keeps one socket open, resumes each room after its last seq, repeats sends until they are
 * answered, and has everything that it does and sees recorded. It never judges; the checker does.
 */
export class ChaosClient {
  readonly name: string
  readonly userId: string
  readonly username: string
  readonly sends: Sends
  readonly rooms = new Map<string, Room>()
  readonly recording: Recording
  /** Every handshake that was answered: milliseconds from the attempt to `welcome`. */
  readonly connectMs: { readonly atMs: number; readonly ms: number }[] = []
  readonly closes: { readonly atMs: number; readonly code: number }[] = []
  edge = ''
  connection = ''
  readonly #options: ChaosClientOptions
  #session: Session
  #socket: WebSocket | undefined
  #isOpen = false
  #isOver = false
  #heardAtMs = 0
  #retryMs = FIRST_RETRY_MS
  #connections = 0
  /** Where not to come back to while there is another. */
  #avoided: string | undefined
  /** From then on it sends nothing there. */
  #leavesAtMs = Number.POSITIVE_INFINITY
  readonly #watch: NodeJS.Timeout

  constructor(options: ChaosClientOptions, roomIds: readonly string[]) {
    this.#options = options
    this.name = options.name
    this.recording = options.recording
    this.#session = options.session
    this.userId = options.session.user.id
    this.username = options.session.user.username
    for (const roomId of roomIds) this.rooms.set(roomId, newRoom())
    this.sends = new Sends({
      client: this.name,
      userId: this.userId,
      recording: this.recording,
      connection: () => (this.#isOpen ? this.connection : undefined),
      isHeld: () => performance.now() >= this.#leavesAtMs,
      write: (frame) => this.#write(frame),
    })
    this.recording.write({ type: 'person', client: this.name, userId: this.userId, member: roomIds })
    this.#watch = setInterval(() => this.#check(), WATCH_MS)
    this.#connect()
  }

  get token(): string {
    return this.#session.accessToken
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Connected, and in all rooms of which it is a member. */
  get isLive(): boolean {
    return this.#isOpen && [...this.rooms.values()].every((room) => room.isJoined || !room.isMember)
  }

  get memberOf(): readonly string[] {
    return [...this.rooms].filter(([, room]) => room.isMember).map(([roomId]) => roomId)
  }

  lastSeq(roomId: string): number {
    return this.rooms.get(roomId)?.last ?? 0
  }

  /** A message that it saw lately. */
  recentOf(roomId: string): { readonly seq: number; readonly id: string } | undefined {
    const recent = this.rooms.get(roomId)?.recent ?? []
    return recent.length === 0 ? undefined : this.#options.random.pick(recent)
  }

  /** Leaves a room and joins it again, as one who looks into another. */
  rejoin(roomId: string): void {
    const room = this.rooms.get(roomId)
    if (!this.#isOpen || room === undefined || !room.isJoined) return
    const base = { client: this.name, connection: this.connection, roomId }
    room.isJoined = false
    this.recording.write({ type: 'leave', ...base })
    this.#write({ type: 'leaveRoom', roomId })
    this.#join([roomId])
  }

  /** It is a member again, as it would read in its list of rooms. */
  addedTo(roomId: string): void {
    const room = this.rooms.get(roomId)
    if (room !== undefined) room.isMember = true
  }

  /** Drops the connection without a word. */
  drop(): void {
    this.#socket?.terminate()
  }

  /** Stops reading, so that what is sent to it piles up; it goes on when the connection is closed. */
  stopReading(): void {
    this.#socket?.pause()
  }

  close(): void {
    this.#isOver = true
    clearInterval(this.#watch)
    for (const room of this.rooms.values()) settled(room)
    this.sends.close()
    this.#socket?.terminate()
  }

  #connect(): void {
    if (this.#isOver) return
    const url = this.#chooseEdge()
    if (url === undefined) {
      this.#connectLater()
      return
    }
    const startedAtMs = performance.now()
    this.#connections += 1
    const connection = `${this.name}-${this.#connections}`
    const socket = new WebSocket(url, SUBPROTOCOL, {
      headers: { authorization: `Bearer ${this.token}` },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      perMessageDeflate: false,
    })
    this.#socket = socket
    socket.on('message', (data) => {
      this.#heardAtMs = performance.now()
      const frame = JSON.parse(String(data)) as ServerFrame
      if (frame.type === 'welcome') {
        this.connectMs.push({ atMs: monotonicMs(), ms: performance.now() - startedAtMs })
        this.#welcomed(connection, url)
      } else this.#received(frame)
    })
    socket.on('ping', () => {
      this.#heardAtMs = performance.now()
    })
    socket.on('error', () => undefined)
    socket.on('close', (code) => this.#closed(socket, { connection, url, code }))
  }

  #chooseEdge(): string | undefined {
    let url = this.#options.edgeFor(this)
    for (let i = 1; i < EDGE_CHOICES && url === this.#avoided; i += 1) url = this.#options.edgeFor(this)
    return url
  }

  #connectLater(): void {
    const waitMs = this.#options.random.int(FIRST_RETRY_MS, this.#retryMs)
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2)
    setTimeout(() => this.#connect(), waitMs)
  }

  #welcomed(connection: string, edge: string): void {
    this.#retryMs = FIRST_RETRY_MS
    this.#isOpen = true
    this.#leavesAtMs = Number.POSITIVE_INFINITY
    this.#avoided = undefined
    this.connection = connection
    this.edge = edge
    this.recording.write({ type: 'connected', client: this.name, connection, edge })
    this.#join(this.memberOf)
    this.sends.connected()
  }

  #closed(
    socket: WebSocket,
    { connection, url, code }: { readonly connection: string; readonly url: string; readonly code: number },
  ): void {
    if (socket !== this.#socket) return
    // Whoever balances the load has noticed, too, that it is silent or takes nobody in.
    const isSilent = !this.#isOpen || this.#silentMs > SILENT_MS
    if (isSilent || BETTER_ELSEWHERE.includes(code)) this.#avoided = url
    if (this.#isOpen) {
      this.recording.write({ type: 'closed', client: this.name, connection, code })
      this.closes.push({ atMs: monotonicMs(), code })
    }
    this.#isOpen = false
    for (const room of this.rooms.values()) {
      room.isJoined = false
      room.isAsked = false
      settled(room)
    }
    if (code === 4401) void this.#refresh().finally(() => this.#connectLater())
    else this.#connectLater()
  }

  async #refresh(): Promise<void> {
    const url = `${this.#options.apiUrl}/auth/refresh`
    const { status, body } = await call(url, { body: { refreshToken: this.#session.refreshToken } })
    if (status === 200) this.#session = body
  }

  #join(roomIds: readonly string[]): void {
    if (roomIds.length === 0) return
    const rooms = roomIds.map((roomId) => ({ roomId, afterSeq: this.lastSeq(roomId) }))
    for (const { roomId, afterSeq } of rooms) {
      const room = this.rooms.get(roomId)
      if (room !== undefined) room.isAsked = true
      this.recording.write({
        type: 'join',
        client: this.name,
        connection: this.connection,
        roomId,
        afterSeq,
      })
    }
    const [only] = rooms
    this.#write(
      only !== undefined && rooms.length === 1 ? { type: 'joinRoom', ...only } : { type: 'joinRooms', rooms },
    )
  }

  #received(frame: ServerFrame): void {
    switch (frame.type) {
      case 'newMessage':
        this.#live(frame.message)
        return
      case 'ack':
        this.sends.acked(frame)
        return
      case 'messageRejected':
        this.sends.rejected(frame)
        return
      case 'joinedRoom':
        this.#joined(frame)
        return
      case 'leftRoom':
        this.#ended(frame.roomId, 'left')
        return
      case 'removedFromRoom':
        this.#ended(frame.roomId, 'removed')
        return
      case 'roomAdded':
        this.#added(frame.roomId)
        return
      case 'error':
        this.#refused(frame)
        return
      case 'readCursor':
        this.#cursor(frame)
        return
      case 'draining':
        this.#drained(frame)
        return
    }
  }

  #live(message: Message): void {
    const { roomId, seq, id } = message
    this.recording.write({
      type: 'live',
      client: this.name,
      connection: this.connection,
      roomId,
      ...seenOf(message),
    })
    const room = this.rooms.get(roomId)
    if (room !== undefined) {
      room.last = Math.max(room.last, seq)
      room.recent.push({ seq, id })
      if (room.recent.length > KEPT_POSITIONS) room.recent.shift()
    }
    if (message.senderId === this.userId) this.sends.seen(message)
  }

  #joined({ roomId, headSeq, recovered, reason }: ServerFrameOf<'joinedRoom'>): void {
    const room = this.rooms.get(roomId)
    this.recording.write({
      type: 'joined',
      client: this.name,
      connection: this.connection,
      roomId,
      headSeq,
      asked: room?.isAsked ?? false,
      ...(recovered === undefined ? {} : { recovered }),
      ...(reason === undefined ? {} : { reason }),
    })
    if (room === undefined) return
    room.isAsked = false
    room.isJoined = true
    settled(room)
    // What is missing is read as history; the stream goes on behind the head.
    if (recovered === false) room.last = headSeq
  }

  #ended(roomId: string, type: 'left' | 'removed'): void {
    const room = this.rooms.get(roomId)
    this.recording.write({ type, client: this.name, connection: this.connection, roomId })
    if (room === undefined || type === 'left') return
    settled(room)
    room.isMember = false
    room.isJoined = false
  }

  #added(roomId: string): void {
    const room = this.rooms.get(roomId)
    if (room === undefined) return
    room.isMember = true
    if (isWanted(room)) this.#join([roomId])
  }

  /** A refused join is asked again while it can help. */
  #refused(frame: ServerFrameOf<'error'>): void {
    const { roomId, code, retryable, retryAfterMs = 0 } = frame
    const room = roomId === undefined ? undefined : this.rooms.get(roomId)
    if (roomId === undefined || room === undefined) return
    const { connection } = this
    this.recording.write({ type: 'joinRefused', client: this.name, connection, roomId, code })
    room.isAsked = false
    if (code === 'not_a_member') room.isMember = false
    if (code === 'not_a_member' || !retryable) return
    const patienceMs = Math.min(LONGEST_REJOIN_MS, FIRST_REJOIN_MS * 2 ** room.refusals)
    room.refusals += 1
    clearTimeout(room.retry)
    room.retry = setTimeout(
      () => {
        room.retry = undefined
        if (isWanted(room)) this.#join([roomId])
      },
      Math.max(retryAfterMs, this.#options.random.int(patienceMs / 2, patienceMs)),
    )
  }

  #cursor({ roomId, userId, lastReadSeq }: ServerFrameOf<'readCursor'>): void {
    this.recording.write({
      type: 'cursor',
      client: this.name,
      roomId,
      userId,
      lastReadSeq,
      startedAt: monotonicMs(),
      how: 'frame',
    })
  }

  /** The edge closes the connection when its turn comes. By the clock: a timer may be late. */
  #drained({ reconnectAfterMs }: ServerFrameOf<'draining'>): void {
    this.#leavesAtMs = performance.now() + reconnectAfterMs - HOLD_BEFORE_LEAVING_MS
  }

  #check(): void {
    if (!this.#isOpen) return
    const silentMs = this.#silentMs
    if (silentMs > SILENT_MS) this.#socket?.terminate()
    else if (silentMs > HEARTBEAT_MS) this.#write({ type: 'heartbeat' })
    // The owner added it while it was away, or the frame that said so was lost with a connection.
    for (const [roomId, room] of this.rooms) {
      if (isWanted(room)) this.#join([roomId])
    }
  }

  get #silentMs(): number {
    return performance.now() - this.#heardAtMs
  }

  #write(frame: object): void {
    this.#socket?.send(JSON.stringify(frame))
  }
}

function newRoom(): Room {
  return {
    ...{ last: 0, isMember: true, isAsked: false, isJoined: false },
    ...{ retry: undefined, refusals: 0, recent: [] },
  }
}

/** It should be joined, and nothing is under way. */
function isWanted(room: Room): boolean {
  return room.isMember && !room.isJoined && !room.isAsked && room.retry === undefined
}

/** Refusals until now count no more. */
function settled(room: Room): void {
  clearTimeout(room.retry)
  room.retry = undefined
  room.refusals = 0
}

export function seenOf({ seq, id, senderId, clientMsgId, body }: Message): Seen {
  return { seq, id, senderId, clientMsgId, body }
}
