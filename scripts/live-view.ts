import {
  isDue,
  newRoomView,
  type RoomFrame,
  type RoomView,
  type RoomViewEffect,
  type RoomViewEvent,
  stepRoomView,
} from '@roomlog/client'
import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  type ClientFrame,
  type Message,
  type ServerFrame,
  type ServerFrameOf,
  SUBPROTOCOL,
} from '@roomlog/protocol/wire'
import { PAGE_LIMIT, type Person, Refused } from './person.ts'

/** Live messages that wait while a room is read page by page. */
const MAX_WAITING = 1000
const RETRY_MS = 250
/** After this long without an answer a client repeats its send. */
const UNANSWERED_MS = 10_000

interface PendingSend {
  readonly frame: ClientFrame & { type: 'sendMessage' }
  attempts: number
  timer: NodeJS.Timeout | undefined
  readonly settle: PromiseWithResolvers<void>
}

/**
 * A person's live view of rooms, as a client of Roomlog keeps it: connects again after a loss, sees each room from its
 * first message on and resumes it as `RoomView` does, and repeats a send with the same clientMsgId until it is answered.
 */
export class LiveView {
  /** What was seen of each room, in order. */
  readonly seen = new Map<string, Message[]>()
  /** What was heard of others, the latest last. */
  readonly presence: ServerFrameOf<'presence'>[] = []
  /** Rooms in which this person is no member any more. */
  readonly removedFrom = new Set<string>()
  /** What must never happen: a gap, a repeat on one connection, a frame of a room after the removal from it. Empty in a Roomlog that keeps its word. */
  readonly violations: string[] = []
  /** Connections opened so far. */
  connections = 0
  private readonly person: Person
  private readonly urlOf: () => Promise<string>
  private readonly views = new Map<string, RoomView>()
  private readonly pending = new Map<string, PendingSend>()
  private readonly waiting = new Set<() => void>()
  /** Rooms joined on this connection, with the seq that was delivered last. */
  private readonly live = new Map<string, number>()
  /** What the latest join of each room asked for. */
  private readonly askedAfter = new Map<string, number>()
  private socket: WebSocket | undefined
  private closed = false

  private constructor(person: Person, rooms: readonly string[], urlOf: () => Promise<string>) {
    this.person = person
    this.urlOf = urlOf
    for (const room of rooms) {
      this.seen.set(room, [])
      this.views.set(room, newRoomView({ from: 'start', pageLimit: PAGE_LIMIT, maxWaiting: MAX_WAITING }))
    }
  }

  /** Resolves once every room is joined. `urlOf` chooses the edge at each connect; default: one that the API names. */
  static async open(
    person: Person,
    rooms: readonly string[],
    urlOf = () => person.wsUrl(),
  ): Promise<LiveView> {
    const view = new LiveView(person, rooms, urlOf)
    view.connect()
    await view.until(() => view.live.size === rooms.length)
    return view
  }

  /** Resolves when the log has the message; rejects when it is refused for good. */
  send(roomId: string, body: string, clientMsgId: string = crypto.randomUUID()): Promise<void> {
    const send: PendingSend = {
      frame: { type: 'sendMessage', roomId, clientMsgId, body },
      attempts: 0,
      timer: undefined,
      settle: Promise.withResolvers<void>(),
    }
    this.pending.set(clientMsgId, send)
    this.attempt(send)
    return send.settle.promise
  }

  /** Resolves when `condition` holds; it is looked at after every frame. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.waiting.add(resolve)
      await promise
      this.waiting.delete(resolve)
    }
  }

  close(): void {
    this.closed = true
    for (const send of this.pending.values()) clearTimeout(send.timer)
    this.socket?.close()
  }

  private connect(): void {
    if (this.closed) return
    this.urlOf().then(
      (url) => this.open(url),
      () => this.connectLater(),
    )
  }

  private connectLater(): void {
    setTimeout(() => this.connect(), RETRY_MS)
  }

  private open(url: string): void {
    const token = this.person.session.accessToken
    const socket = new WebSocket(url, [SUBPROTOCOL, `${BEARER_SUBPROTOCOL_PREFIX}${token}`])
    this.socket = socket
    this.connections += 1
    const connection = this.connections
    socket.addEventListener('message', (event) =>
      this.receive(connection, JSON.parse(String(event.data)) as ServerFrame),
    )
    socket.addEventListener('close', (event) => this.lost(connection, event.code))
    socket.addEventListener('error', () => {
      // A close event follows.
    })
  }

  private lost(connection: number, code: number): void {
    this.live.clear()
    for (const roomId of this.views.keys()) this.feed(roomId, { type: 'lost', connection })
    const known = Object.values(CLOSE_CODES).find((c) => c.code === code)
    if (!this.closed && known?.client !== 'reconnect') this.violations.push(`closed with ${code}`)
    this.connectLater()
  }

  private receive(connection: number, frame: ServerFrame): void {
    if (frame.type === 'joinedRoom') this.live.set(frame.roomId, this.streamStart(frame))
    if (frame.type === 'newMessage') this.check(frame.message)
    if (frame.type === 'ack') this.answered(frame)
    if (frame.type === 'presence') this.presence.push(frame)
    if (frame.type === 'removedFromRoom') this.removedFrom.add(frame.roomId)
    else if ('roomId' in frame && frame.type !== 'ack' && this.removedFrom.has(frame.roomId ?? '')) {
      this.violations.push(`${frame.type} of ${frame.roomId} after the removal`)
    }
    if (frame.type === 'welcome') {
      for (const roomId of this.views.keys()) this.feed(roomId, { type: 'connected', connection })
      for (const send of this.pending.values()) this.attempt(send)
    }
    const ofRoom = roomFrame(frame)
    if (ofRoom !== undefined) this.feed(ofRoom.roomId, { type: 'frame', connection, frame: ofRoom.frame })
    this.wake()
  }

  private wake(): void {
    for (const wake of this.waiting) wake()
  }

  /** The seq before the first that this join's stream gives. */
  private streamStart({ roomId, headSeq, recovered }: ServerFrameOf<'joinedRoom'>): number {
    return recovered === true ? (this.askedAfter.get(roomId) ?? headSeq) : headSeq
  }

  /** Of what comes over the connection, whatever becomes of it. */
  private check({ roomId, seq }: Message): void {
    const delivered = this.live.get(roomId)
    if (seq !== (delivered ?? Number.NaN) + 1) this.violations.push(`${roomId}: ${delivered} then ${seq}`)
    if (this.removedFrom.has(roomId)) this.violations.push(`${roomId}: ${seq} after the removal`)
    this.live.set(roomId, seq)
  }

  private feed(roomId: string, event: RoomViewEvent): void {
    const view = this.views.get(roomId)
    if (view === undefined) return
    const [next, effects] = stepRoomView(view, event)
    this.views.set(roomId, next)
    for (const effect of effects) this.run(roomId, effect)
  }

  private run(roomId: string, effect: RoomViewEffect): void {
    switch (effect.type) {
      case 'join': {
        const { afterSeq, ref } = effect
        this.whenDue(roomId, effect, () => {
          if (afterSeq !== undefined) this.askedAfter.set(roomId, afterSeq)
          this.write({ type: 'joinRoom', roomId, ref, ...(afterSeq === undefined ? {} : { afterSeq }) })
        })
        return
      }
      case 'leave':
        this.write({ type: 'leaveRoom', roomId })
        return
      case 'readPage':
        this.whenDue(roomId, effect, () => void this.readPage(roomId, effect))
        return
      case 'show':
        this.seen.get(roomId)?.push(...effect.messages)
        return
      case 'forget':
        this.seen.set(roomId, [])
        return
    }
  }

  private whenDue(roomId: string, effect: EffectOf<'join' | 'readPage'>, act: () => void): void {
    const actIfDue = () => {
      const view = this.views.get(roomId)
      if (!this.closed && view !== undefined && isDue(view, effect)) act()
    }
    if (effect.afterMs === 0) actIfDue()
    else setTimeout(actIfDue, effect.afterMs)
  }

  private async readPage(roomId: string, { number, read }: EffectOf<'readPage'>): Promise<void> {
    const cursor = 'after' in read ? `after=${read.after}` : `before=${read.before}`
    try {
      const page = await this.person.historyPage(roomId, cursor, read.limit)
      this.feed(roomId, { type: 'page', number, page })
    } catch (error) {
      const retryable = !(error instanceof Refused) || error.status >= 500 || error.status === 429
      this.feed(roomId, { type: 'pageFailed', number, retryable })
    }
    this.wake()
  }

  private attempt(send: PendingSend): void {
    clearTimeout(send.timer)
    send.timer = setTimeout(() => this.attempt(send), UNANSWERED_MS)
    if (this.socket?.readyState !== WebSocket.OPEN) return
    this.write(send.attempts === 0 ? send.frame : { ...send.frame, repeat: true })
    send.attempts += 1
  }

  private answered(ack: ServerFrameOf<'ack'>): void {
    const send = this.pending.get(ack.clientMsgId)
    if (send === undefined) return
    if (ack.status === 'FAILED' && ack.retryable) {
      clearTimeout(send.timer)
      send.timer = setTimeout(() => this.attempt(send), ack.retryAfterMs ?? RETRY_MS)
      return
    }
    clearTimeout(send.timer)
    this.pending.delete(ack.clientMsgId)
    if (ack.status === 'ACCEPTED') send.settle.resolve()
    else send.settle.reject(new Error(`refused: ${ack.code}`))
  }

  private write(frame: ClientFrame): void {
    this.socket?.send(JSON.stringify(frame))
  }
}

type EffectOf<T extends RoomViewEffect['type']> = Extract<RoomViewEffect, { type: T }>

/** The frame, where it is one that a room's view is told of. */
function roomFrame(frame: ServerFrame): { readonly roomId: string; readonly frame: RoomFrame } | undefined {
  switch (frame.type) {
    case 'newMessage':
      return { roomId: frame.message.roomId, frame }
    case 'joinedRoom':
    case 'leftRoom':
      return { roomId: frame.roomId, frame }
    case 'removedFromRoom':
      return { roomId: frame.roomId, frame: { type: frame.type, roomId: frame.roomId } }
    case 'error':
      return frame.roomId === undefined ? undefined : { roomId: frame.roomId, frame }
    default:
      return undefined
  }
}
