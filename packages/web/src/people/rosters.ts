import type { Member, RoomlogClient, Value } from '@roomlog/client'
import { Cell } from '../state/cell.ts'
import { type Roster, type RosterEvent, stepRoster, UNREAD_ROSTER } from './roster.ts'

const PAGE_LIMIT = 100
/** Rosters are read behind what somebody waits for. */
const READS_AT_ONCE = 2
const GATHER_MS = 1000

interface Followed {
  readonly cell: Cell<Roster>
  /** Pages that somebody asked for. */
  pages: number
}

/** Who is in which room and who of them is there: read when first asked for, then kept up. */
export class Rosters {
  readonly #client: RoomlogClient
  readonly #followed = new Map<string, Followed>()
  readonly #waiting = new Set<string>()
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #endings: readonly (() => void)[]
  #reading = 0

  constructor(client: RoomlogClient) {
    this.#client = client
    this.#endings = [
      client.on('presence', (event) => {
        const isStranger = event.online && !this.#isKnown(event.userId)
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
        for (const roomId of this.#followed.keys()) this.#readAgain(roomId)
      }),
    ]
  }

  of(roomId: string): Value<Roster> {
    const known = this.#followed.get(roomId)
    if (known !== undefined) return known.cell
    const cell = new Cell(UNREAD_ROSTER)
    this.#followed.set(roomId, { cell, pages: 1 })
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

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const end of this.#endings) end()
  }

  #feed(roomId: string, event: RosterEvent): void {
    const cell = this.#followed.get(roomId)?.cell
    cell?.set(stepRoster(cell.get(), event))
  }

  /** Nobody tells who joins: somebody who is heard of and not known has. */
  #heard(roomId: string, userId: string): void {
    const roster = this.#followed.get(roomId)?.cell.get()
    const isWhole = roster?.status === 'loaded' && roster.nextCursor === null
    if (isWhole && !roster.members.has(userId)) this.#later(roomId)
  }

  #isKnown(userId: string): boolean {
    return [...this.#followed.values()].some(({ cell }) => cell.get().members.has(userId))
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
    if (roomId === undefined || this.#reading >= READS_AT_ONCE) return
    this.#waiting.delete(roomId)
    this.#reading += 1
    void this.#read(roomId).finally(() => {
      this.#reading -= 1
      this.#next()
    })
  }

  async #read(roomId: string): Promise<void> {
    const members: Member[] = []
    let cursor: string | null = null
    try {
      for (let page = 0; page < (this.#followed.get(roomId)?.pages ?? 0); page += 1) {
        const read = await this.#client.api.members(roomId, {
          cursor: cursor ?? undefined,
          limit: PAGE_LIMIT,
        })
        members.push(...read.members)
        cursor = read.nextCursor
        if (cursor === null) break
      }
      this.#feed(roomId, { type: 'read', members, nextCursor: cursor })
    } catch {
      this.#feed(roomId, { type: 'failed' })
    }
  }
}
