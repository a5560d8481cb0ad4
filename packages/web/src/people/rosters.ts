import type { Member, RoomlogClient, Value } from '@roomlog/client'
import { Cell } from '@roomlog/client'
import { type Roster, type RosterEvent, stepRoster, UNREAD_ROSTER } from './roster.ts'

const PAGE_LIMIT = 100
const GATHER_MS = 1000

interface Followed {
  readonly cell: Cell<Roster>
  /** Pages that somebody asked for. */
  pages: number
  /** What is heard while they are read: the answer may be older. */
  heard: RosterEvent[] | undefined
}

/** Who is in which room and who of them is there: read when first asked for, then kept up. */
export class Rosters {
  readonly #client: RoomlogClient
  readonly #followed = new Map<string, Followed>()
  readonly #waiting = new Set<string>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #lookedFor = new Set<string>()
  #isReading = false

  constructor(client: RoomlogClient) {
    this.#client = client
  }

  /** Keeps them up with what the client hears; the answer ends that. */
  start(): () => void {
    const client = this.#client
    const endings = [
      client.on('presence', (event) => {
        const isStranger = event.online && this.#isNew(event.userId)
        for (const roomId of this.#followed.keys()) {
          this.#feed(roomId, event)
          if (isStranger) this.#later(roomId)
        }
      }),
      client.on('readCursor', (event) => {
        this.#feed(event.roomId, event)
        this.#heard(event.roomId, event.userId)
      }),
      client.on('newMessage', ({ message }) => this.#heard(message.roomId, message.senderId)),
      client.on('typing', ({ roomId, userId }) => this.#heard(roomId, userId)),
      client.on('roomChanged', ({ roomId }) => this.#readAgain(roomId)),
      client.on('removedFromRoom', ({ roomId }) => void this.#followed.delete(roomId)),
      client.connection.subscribe(() => {
        if (client.connection.get().status !== 'online') return
        this.#lookedFor.clear()
        for (const roomId of this.#followed.keys()) this.#readAgain(roomId)
      }),
    ]
    return () => {
      for (const timer of this.#timers.values()) clearTimeout(timer)
      this.#timers.clear()
      for (const end of endings) end()
    }
  }

  of(roomId: string): Value<Roster> {
    const known = this.#followed.get(roomId)
    if (known !== undefined) return known.cell
    const cell = new Cell(UNREAD_ROSTER)
    this.#followed.set(roomId, { cell, pages: 1, heard: undefined })
    this.#readAgain(roomId)
    return cell
  }

  /** Reads the next page, or what failed once more. */
  async more(roomId: string): Promise<void> {
    const followed = this.#followed.get(roomId)
    if (followed === undefined) return
    const { nextCursor, status } = followed.cell.get()
    if (status === 'failed' || nextCursor === null) return this.#readAgain(roomId)
    followed.pages += 1
    this.#feed(roomId, { type: 'loading' })
    try {
      const page = await this.#client.api.members(roomId, { cursor: nextCursor, limit: PAGE_LIMIT })
      this.#feed(roomId, { type: 'more', ...page })
    } catch {
      this.#feed(roomId, { type: 'failed' })
    }
  }

  /** What an answer of the api has told of a member. */
  learn(roomId: string, member: Member): void {
    this.#feed(roomId, { type: 'member', member })
  }

  /** Somebody was removed just now. */
  forget(roomId: string, userId: string): void {
    this.#feed(roomId, { type: 'removed', userId })
  }

  /** Somebody looks at it. */
  refresh(roomId: string): void {
    this.#readAgain(roomId)
  }

  #feed(roomId: string, event: RosterEvent): void {
    const followed = this.#followed.get(roomId)
    if (followed === undefined) return
    followed.heard?.push(event)
    followed.cell.set(stepRoster(followed.cell.get(), event))
  }

  /** Nobody tells who joins: somebody who is heard of and not known has. */
  #heard(roomId: string, userId: string): void {
    const roster = this.#followed.get(roomId)?.cell.get()
    const isWhole = roster?.status === 'loaded' && roster.nextCursor === null
    if (isWhole && !roster.members.has(userId)) this.#later(roomId)
  }

  /** In no roster, and not looked for before: of a large room only some are read. */
  #isNew(userId: string): boolean {
    const isKnown = [...this.#followed.values()].some(({ cell }) => cell.get().members.has(userId))
    if (isKnown || this.#lookedFor.has(userId)) return false
    this.#lookedFor.add(userId)
    return true
  }

  /** Whoever is heard of meanwhile is read with them. */
  #later(roomId: string): void {
    if (this.#timers.has(roomId)) return
    const timer = setTimeout(() => {
      this.#timers.delete(roomId)
      this.#readAgain(roomId)
    }, GATHER_MS)
    this.#timers.set(roomId, timer)
  }

  #readAgain(roomId: string): void {
    if (!this.#followed.has(roomId)) return
    this.#waiting.add(roomId)
    this.#next()
  }

  #next(): void {
    const [roomId] = this.#waiting
    if (roomId === undefined || this.#isReading) return
    this.#waiting.delete(roomId)
    // One after the other, behind what somebody waits for.
    this.#isReading = true
    void this.#read(roomId).finally(() => {
      this.#isReading = false
      this.#next()
    })
  }

  async #read(roomId: string): Promise<void> {
    const followed = this.#followed.get(roomId)
    if (followed === undefined) return
    const members: Member[] = []
    let cursor: string | null = null
    const heard: RosterEvent[] = []
    followed.heard = heard
    try {
      for (let page = 0; page < followed.pages; page += 1) {
        const read = await this.#client.api.members(roomId, {
          cursor: cursor ?? undefined,
          limit: PAGE_LIMIT,
        })
        members.push(...read.members)
        cursor = read.nextCursor
        if (cursor === null) break
      }
      const read = stepRoster(followed.cell.get(), { type: 'read', members, nextCursor: cursor })
      followed.cell.set(heard.reduce(stepRoster, read))
    } catch {
      this.#feed(roomId, { type: 'failed' })
    } finally {
      followed.heard = undefined
    }
  }
}
