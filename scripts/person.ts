import type { History, Member, Message, Room, Session } from '@roomlog/protocol/wire'
import { type Call, requestOf } from './request.ts'

/** The most that the api gives. */
export const PAGE_LIMIT = 100

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

  /** A page of the room; `cursor` is the name and value of one, as in `after=7`. */
  historyPage(roomId: string, cursor: string, limit: number): Promise<History> {
    return this.get<History>(`/rooms/${roomId}/messages?${cursor}&limit=${limit}`)
  }

  /** The whole room from its first message, page by page. */
  async history(roomId: string): Promise<Message[]> {
    const messages: Message[] = []
    for (;;) {
      const page = await this.historyPage(roomId, `after=${messages.at(-1)?.seq ?? 0}`, PAGE_LIMIT)
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

/** The api answered, and did not do it. */
export class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function call<T>(url: string, options: Call): Promise<T> {
  const response = await fetch(url, requestOf(options))
  const text = await response.text()
  if (!response.ok) throw new Refused(response.status, `${url} answered ${response.status}: ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}
