import {
  BEARER_SUBPROTOCOL_PREFIX,
  type ClientFrame,
  type ClientFrameOf,
  DEFAULT_LIMITS,
  type Message,
  type Room,
  type SendFailureCode,
  type ServerFrame,
  SUBPROTOCOL,
} from '@roomlog/protocol/wire'
import { must } from '@roomlog/testkit/model-runs'
import type { FetchAnswer, FetchInit, SocketConstructor } from '../src/platform/platform.ts'
import { ModelAccounts } from './model-accounts.ts'
import { ModelSocket } from './model-socket.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A REST call that gets no answer. */
export class Unreachable extends Error {}

type Send = ClientFrameOf<'sendMessage'>

interface ModelRoom {
  readonly id: string
  log: Message[]
  /** By sender and clientMsgId. */
  readonly stored: Map<string, Message>
  readonly members: Set<string>
  readonly read: Map<string, number>
}

/** How the server treats what comes next; each is drawn anew for each request. */
export interface Weather {
  /** The request is lost, or its answer. */
  readonly restLoss: () => 'none' | 'request' | 'answer' | 'unavailable'
  readonly sendFate: () => 'accept' | 'accept silently' | 'ignore' | SendFailureCode
  readonly delayMs: () => number
}

export const FAIR: Weather = { restLoss: () => 'none', sendFate: () => 'accept', delayMs: () => 5 }

/** All of Roomlog as a client meets it, with one log a room. */
export class ModelServer {
  readonly time: VirtualTime
  readonly accounts: ModelAccounts
  readonly rooms = new Map<string, ModelRoom>()
  readonly sockets = new Set<ModelSocket>()
  weather: Weather = FAIR
  epoch = 'epoch-1'
  /** Nobody is let in: a handshake fails. */
  isDown = false
  /** When each handshake came. */
  readonly handshakesMs: number[] = []
  readonly calls: string[] = []
  /** In the log, not stored yet. */
  #created: { readonly send: Send; readonly senderId: string }[] = []
  #ids = 0
  /** Logs as they were when they were replaced, by epoch; of a server with one room. */
  readonly #earlier = new Map<string, readonly Message[]>()

  constructor(time: VirtualTime) {
    this.time = time
    this.accounts = new ModelAccounts(time)
  }

  addRoom(id: string, members: readonly string[]): ModelRoom {
    const room = { id, log: [], stored: new Map(), members: new Set(members), read: new Map() }
    this.rooms.set(id, room)
    return room
  }

  room(id: string): ModelRoom {
    const room = this.rooms.get(id)
    must(room !== undefined, `there is no room ${id}`)
    return room
  }

  // --- the log -------------------------------------------------------------------------------------------------------------

  /** What somebody else says. */
  say(roomId: string, senderId: string): void {
    const clientMsgId = `other-${this.#nextId()}`
    this.#created.push({ send: { type: 'sendMessage', roomId, clientMsgId, body: clientMsgId }, senderId })
  }

  /** Stores what was accepted, in its order, once each. */
  persist(count = Number.POSITIVE_INFINITY): void {
    for (const { send, senderId } of this.#created.splice(0, count)) {
      const { roomId, clientMsgId, body } = send
      const room = this.room(roomId)
      const stored = this.stored(roomId, senderId, clientMsgId)
      must(stored === undefined || stored.body === body, 'a clientMsgId is used for two messages')
      if (stored !== undefined) continue
      const message = {
        ...{ id: this.#nextId(), roomId, seq: room.log.length + 1, kind: 'message' as const, senderId },
        ...{ clientMsgId, body, createdAt: new Date(this.time.parts.wallMs()).toISOString() },
      }
      room.log.push(message)
      room.stored.set(`${senderId} ${clientMsgId}`, message)
      for (const socket of this.sockets) socket.stream(room)
    }
  }

  logOf(roomId: string, epoch: string | undefined): readonly Message[] {
    return epoch === this.epoch ? this.room(roomId).log : (this.#earlier.get(epoch ?? '') ?? [])
  }

  stored(roomId: string, senderId: string, clientMsgId: string): Message | undefined {
    return this.room(roomId).stored.get(`${senderId} ${clientMsgId}`)
  }

  /** A backup is put back: what came after it is gone, and everybody starts anew. */
  restore(roomId: string, head: number): void {
    this.#created = []
    const { log, stored } = this.room(roomId)
    this.#earlier.set(this.epoch, [...log])
    for (const { senderId, clientMsgId } of log.splice(head)) stored.delete(`${senderId} ${clientMsgId}`)
    this.epoch = `epoch-${this.#nextId()}`
    for (const socket of [...this.sockets]) socket.end(1012)
  }

  // --- sockets -------------------------------------------------------------------------------------------------------------

  get WebSocket(): SocketConstructor {
    const server = this
    return class extends ModelSocket {
      constructor(url: string, protocols: string[]) {
        super(server.time, () => server.weather.delayMs())
        server.handshakesMs.push(server.time.monotonicMs)
        must(!url.includes('token') && protocols[0] === SUBPROTOCOL, 'the handshake is not as it should be')
        const token = protocols[1]?.slice(BEARER_SUBPROTOCOL_PREFIX.length) ?? ''
        this.onFrame = (frame) => server.#received(this, frame)
        this.onGone = () => server.sockets.delete(this)
        server.time.after(server.weather.delayMs(), () => server.#accept(this, token))
      }
    }
  }

  /** All sockets. */
  push(frame: ServerFrame): void {
    for (const socket of this.sockets) socket.push(frame)
  }

  #accept(socket: ModelSocket, token: string): void {
    if (socket.isGone) return
    const session = this.accounts.byToken(token)
    if (this.isDown) socket.lose()
    else if (session === undefined) socket.end(4401)
    else {
      socket.userId = session.userId
      this.sockets.add(socket)
      const expiresInMs = session.expiresAtMs - this.time.monotonicMs
      const facts = { connectionId: this.#nextId(), userId: session.userId, heartbeatIntervalMs: 20_000 }
      const serverTime = new Date(this.time.monotonicMs).toISOString()
      socket.push({
        ...{ type: 'welcome', ...facts, serverTime, tokenExpiresInMs: expiresInMs },
        ...{ epoch: this.epoch, limits: DEFAULT_LIMITS },
      })
      this.time.after(expiresInMs, () => {
        if (this.accounts.byToken(socket.token ?? token) === undefined) socket.end(4401)
      })
    }
  }

  #received(socket: ModelSocket, frame: ClientFrame): void {
    switch (frame.type) {
      case 'heartbeat':
        socket.push({ type: 'heartbeatAck' })
        return
      case 'authenticate':
        socket.token = frame.token
        socket.push({ type: 'authenticated', expiresInMs: this.accounts.accessMs })
        return
      case 'joinRoom':
        this.#join(socket, frame.roomId, frame.afterSeq, frame.ref)
        return
      case 'joinRooms':
        for (const { roomId, afterSeq } of frame.rooms) this.#join(socket, roomId, afterSeq, frame.ref)
        return
      case 'leaveRoom':
        socket.positions.delete(frame.roomId)
        socket.push({ type: 'leftRoom', roomId: frame.roomId })
        return
      case 'sendMessage':
        this.#send(socket, frame)
        return
    }
  }

  #join(socket: ModelSocket, roomId: string, afterSeq?: number, ref?: string): void {
    const room = this.rooms.get(roomId)
    const withRef = ref === undefined ? {} : { ref }
    if (room === undefined || !room.members.has(socket.userId)) {
      const refusal = { code: 'not_a_member', message: '', retryable: false } as const
      socket.push({ type: 'error', roomId, ...refusal, ...withRef })
      return
    }
    const headSeq = room.log.length
    const missing = headSeq - (afterSeq ?? headSeq)
    const recovered = missing >= 0 && missing <= 7
    const recovery = recovered
      ? { recovered }
      : ({ recovered, reason: missing < 0 ? 'reset' : 'too_far' } as const)
    socket.push({
      ...{ type: 'joinedRoom', roomId, headSeq, epoch: this.epoch, ...withRef },
      ...(afterSeq !== undefined && recovery),
    })
    socket.positions.set(roomId, recovered ? (afterSeq ?? headSeq) : headSeq)
    socket.stream(room)
  }

  #send(socket: ModelSocket, send: Send): void {
    const { roomId, clientMsgId } = send
    const fate = this.weather.sendFate()
    if (fate === 'ignore') return
    // One that was seen in the log before its ack came waits no more for its client.
    if (socket.unacked >= DEFAULT_LIMITS.maxUnacked) {
      socket.push({ type: 'ack', roomId, clientMsgId, status: 'FAILED', code: 'overloaded', retryable: true })
      return
    }
    const stored = send.repeat === true ? this.stored(roomId, socket.userId, clientMsgId) : undefined
    if (stored === undefined && fate.startsWith('accept')) {
      this.#created.push({ send, senderId: socket.userId })
    }
    if (fate === 'accept silently') return
    socket.unacked += 1
    // Not before others that were asked earlier: each takes its own time.
    this.time.after(this.weather.delayMs(), () => {
      socket.unacked -= 1
      if (stored !== undefined) {
        const { id: messageId, seq } = stored
        socket.push({ type: 'ack', roomId, clientMsgId, status: 'ACCEPTED', messageId, seq })
      } else if (fate === 'accept') socket.push({ type: 'ack', roomId, clientMsgId, status: 'ACCEPTED' })
      else {
        const retryable = ['rate_limited', 'overloaded', 'unavailable'].includes(fate)
        const code = fate as SendFailureCode
        socket.push({ type: 'ack', roomId, clientMsgId, status: 'FAILED', code, retryable })
      }
    })
  }

  /** Answers with new tokens that never came. */
  lostRefreshes = 0

  // --- REST ----------------------------------------------------------------------------------------------------------------

  fetch = async (url: string, init: FetchInit): Promise<FetchAnswer> => {
    const { pathname, searchParams } = new URL(url)
    const { method, body, headers } = init
    must(!/token|bearer/i.test(pathname + searchParams), 'a token is in an address')
    this.calls.push(`${method} ${pathname}`)
    const loss = this.weather.restLoss()
    await this.#takeTime()
    if (loss === 'request' || this.isDown) throw new Unreachable()
    if (loss === 'unavailable') return answer(503, { error: { code: 'unavailable', message: '' } })
    const token = (headers.authorization ?? '').replace('Bearer ', '')
    const done = this.#answer(`${method} ${pathname}`, searchParams, JSON.parse(body ?? '{}'), token)
    await this.#takeTime()
    if (loss === 'answer') {
      if (pathname === '/auth/refresh') this.lostRefreshes += 1
      throw new Unreachable()
    }
    return done
  }

  #answer(call: string, query: URLSearchParams, body: Record<string, string>, token: string): FetchAnswer {
    if (call === 'GET /config') return answer(200, { wsUrls: ['ws://edge/ws'], limits: DEFAULT_LIMITS })
    if (call === 'POST /auth/login') return answer(200, this.accounts.login(body.username ?? ''))
    if (call === 'POST /auth/refresh') {
      const session = this.accounts.refresh(body.refreshToken ?? '')
      return session === undefined ? unauthenticated() : answer(200, session)
    }
    if (call === 'POST /auth/logout') return answer(204)
    const userId = this.accounts.byToken(token)?.userId
    if (userId === undefined) return unauthenticated()
    const [, , , roomId = '', what = ''] = call.split(/[ /]/)
    if (call === 'GET /rooms') {
      const rooms = [...this.rooms.values()].filter(({ members }) => members.has(userId))
      return answer(200, { rooms: rooms.map((it) => this.#facts(it, userId)), nextCursor: null, users: {} })
    }
    const room = this.rooms.get(roomId)
    if (room === undefined) return answer(404, { error: { code: 'room_not_found', message: '' } })
    if (!room.members.has(userId)) return answer(403, { error: { code: 'not_a_member', message: '' } })
    if (what === 'messages') return answer(200, { ...this.page(room, query), epoch: this.epoch, users: {} })
    if (what === 'read') {
      const seq = room.log.find(({ id }) => id === body.lastReadMessageId)?.seq ?? 0
      room.read.set(userId, Math.max(seq, room.read.get(userId) ?? 0))
      return answer(200, { lastReadMessageId: null, lastReadSeq: room.read.get(userId), unreadCount: 0 })
    }
    return answer(200, { room: this.#facts(room, userId) })
  }

  page({ log }: ModelRoom, query: URLSearchParams) {
    const limit = Number(query.get('limit') ?? 50)
    const [before, after] = [query.get('before'), query.get('after')]
    const end = before === null ? log.length : Math.min(log.length, Number(before) - 1)
    const from = after === null ? Math.max(0, end - limit) : Number(after)
    return {
      messages: log.slice(from, after === null ? end : from + limit),
      head: log.length,
      hasMore: false,
    }
  }

  #facts({ id, log, members, read }: ModelRoom, userId: string): Room {
    const lastReadSeq = read.get(userId) ?? 0
    return {
      ...{ id, name: id, visibility: 'public', role: 'member', memberCount: members.size, lastReadSeq },
      ...{ lastSeq: log.length, lastMessage: log.at(-1) ?? null, unreadCount: log.length - lastReadSeq },
    }
  }

  #takeTime(): Promise<void> {
    return new Promise((resolve) => this.time.after(this.weather.delayMs(), resolve))
  }

  #nextId(): string {
    this.#ids += 1
    return `id-${this.#ids}`
  }
}

function answer(status: number, body?: object): FetchAnswer {
  const text = body === undefined ? '' : JSON.stringify(body)
  return { ok: status < 300, status, headers: { get: () => null }, text: async () => text }
}

function unauthenticated(): FetchAnswer {
  return answer(401, { error: { code: 'unauthenticated', message: '' } })
}
