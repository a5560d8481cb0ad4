import type { Member, RoomlogClient, Value } from '@roomlog/client'
import { Cell } from '../state/cell.ts'
import { type Roster, type RosterEvent, stepRoster, UNREAD_ROSTER } from './roster.ts'

const PAGE_LIMIT = 100
/** Rosters are read behind what somebody waits for. */
const READS_AT_ONCE = 2

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
  readonly #endings: readonly (() => void)[]
  #reading = 0

  constructor(client: RoomlogClient) {
    this.#client = client
    this.#endings = [
      client.on('presence', (event) => {
        for (const roomId of this.#followed.keys()) this.#feed(roomId, event)
      }),
      client.on('readCursor', (event) => this.#feed(event.roomId, event)),
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

  close(): void {
    for (const end of this.#endings) end()
  }

  #feed(roomId: string, event: RosterEvent): void {
    const cell = this.#followed.get(roomId)?.cell
    cell?.set(stepRoster(cell.get(), event))
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
