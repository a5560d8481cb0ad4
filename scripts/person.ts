import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  type ClientFrame,
  type History,
  type Member,
  type Message,
  type Room,
  type ServerFrame,
  type ServerFrameOf,
  type Session,
  SUBPROTOCOL,
} from '@roomlog/protocol/wire'

/** One who registered: REST calls in their name. */
export class Person {
  readonly apiUrl: string
  readonly session: Session

  private constructor(apiUrl: string, session: Session) {
    this.apiUrl = apiUrl
    this.session = session
  }

  static async register(apiUrl: string, username: string, displayName: string): Promise<Person> {
    const password = crypto.randomUUID()
    return new Person(
      apiUrl,
      await call<Session>(`${apiUrl}/auth/register`, {
        method: 'POST',
        body: { username, password, displayName },
      }),
    )
  }

  get name(): string {
    return this.session.user.displayName
  }

  async createRoom(name: string): Promise<Room> {
    return (await this.post<{ room: Room }>('/rooms', { name })).room
  }

  async joinRoom(roomId: string): Promise<Room> {
    return (await this.post<{ room: Room }>(`/rooms/${roomId}/join`, {})).room
  }

  /** Ends another's membership; this person owns the room. */
  async removeMember(roomId: string, userId: string): Promise<void> {
    const path = `/rooms/${roomId}/members/${userId}`
    await call(`${this.apiUrl}${path}`, { method: 'DELETE', token: this.session.accessToken })
  }

  /** The first page. */
  async members(roomId: string): Promise<readonly Member[]> {
    return (await this.get<{ members: Member[] }>(`/rooms/${roomId}/members`)).members
  }

  /** The whole room from its first message, page by page. */
  async history(roomId: string): Promise<Message[]> {
    const messages: Message[] = []
    for (;;) {
      const after = messages.at(-1)?.seq ?? 0
      const page = await this.get<History>(`/rooms/${roomId}/messages?after=${after}&limit=100`)
      messages.push(...page.messages)
      if (!page.hasMore) return messages
    }
  }

  /** Of every edge. */
  async wsUrls(): Promise<readonly string[]> {
    return (await this.get<{ wsUrls: string[] }>('/config')).wsUrls
  }

  /** Of one edge, another each time. */
  async wsUrl(): Promise<string> {
    const wsUrls = await this.wsUrls()
    const url = wsUrls[Math.floor(Math.random() * wsUrls.length)]
    if (url === undefined) throw new Error('the API names no WebSocket address')
    return url
  }

  private get<T>(path: string): Promise<T> {
    return call<T>(`${this.apiUrl}${path}`, { token: this.session.accessToken })
  }

  private post<T>(path: string, body: object): Promise<T> {
    return call<T>(`${this.apiUrl}${path}`, { method: 'POST', body, token: this.session.accessToken })
  }
}

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
 * A person's live view of rooms, as a client of Roomlog keeps it: connects again after a loss, resumes each room after
 * its last seq, drops what it has, and repeats a send with the same clientMsgId until it is answered.
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
  private readonly rooms: readonly string[]
  private readonly pending = new Map<string, PendingSend>()
  private readonly waiting = new Set<() => void>()
  /** Rooms joined on this connection, with the seq that was delivered last. */
  private readonly live = new Map<string, number>()
  private socket: WebSocket | undefined
  private closed = false

  private constructor(person: Person, rooms: readonly string[], urlOf: () => Promise<string>) {
    this.person = person
    this.rooms = rooms
    this.urlOf = urlOf
    for (const room of rooms) this.seen.set(room, [])
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
    socket.addEventListener('message', (event) => this.receive(JSON.parse(String(event.data)) as ServerFrame))
    socket.addEventListener('close', (event) => this.lost(event.code))
    socket.addEventListener('error', () => {
      // A close event follows.
    })
  }

  private lost(code: number): void {
    this.live.clear()
    const known = Object.values(CLOSE_CODES).find((c) => c.code === code)
    if (!this.closed && known?.client !== 'reconnect') this.violations.push(`closed with ${code}`)
    this.connectLater()
  }

  private receive(frame: ServerFrame): void {
    if (frame.type === 'welcome') this.resume()
    if (frame.type === 'joinedRoom') this.live.set(frame.roomId, this.lastSeq(frame.roomId))
    if (frame.type === 'newMessage') this.add(frame.message)
    if (frame.type === 'ack') this.answered(frame)
    if (frame.type === 'presence') this.presence.push(frame)
    if (frame.type === 'removedFromRoom') this.removedFrom.add(frame.roomId)
    else if ('roomId' in frame && frame.type !== 'ack' && this.removedFrom.has(frame.roomId ?? '')) {
      this.violations.push(`${frame.type} of ${frame.roomId} after the removal`)
    }
    for (const wake of this.waiting) wake()
  }

  private resume(): void {
    for (const roomId of this.rooms) {
      if (this.removedFrom.has(roomId)) continue
      this.write({ type: 'joinRoom', roomId, afterSeq: this.lastSeq(roomId) })
    }
    for (const send of this.pending.values()) this.attempt(send)
  }

  private add(message: Message): void {
    const { roomId, seq } = message
    const delivered = this.live.get(roomId)
    if (seq !== (delivered ?? Number.NaN) + 1) this.violations.push(`${roomId}: ${delivered} then ${seq}`)
    if (this.removedFrom.has(roomId)) this.violations.push(`${roomId}: ${seq} after the removal`)
    this.live.set(roomId, seq)
    if (seq > this.lastSeq(roomId)) this.seen.get(roomId)?.push(message)
  }

  private lastSeq(roomId: string): number {
    return this.seen.get(roomId)?.at(-1)?.seq ?? 0
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

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: object
  readonly token?: string
}

async function call<T>(url: string, { method = 'GET', body, token }: Call): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}
