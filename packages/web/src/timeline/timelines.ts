import type { RoomlogClient, Timeline } from '@roomlog/client'

/** Each holds 500 messages at most. */
const MAX_OPEN = 8

/** Rooms that were looked at lately stay followed, so that going back to one takes no time, offline neither. */
export class Timelines {
  readonly #client: RoomlogClient
  readonly #open = new Map<string, Timeline>()

  constructor(client: RoomlogClient) {
    this.#client = client
  }

  of(roomId: string): Timeline {
    const timeline = this.#client.room(roomId).timeline()
    this.#open.delete(roomId)
    this.#open.set(roomId, timeline)
    for (const [id, oldest] of this.#open) {
      if (this.#open.size <= MAX_OPEN) break
      this.#open.delete(id)
      oldest.close()
    }
    return timeline
  }

  /** A room that was left is forgotten. */
  drop(roomId: string): void {
    this.#open.get(roomId)?.close()
    this.#open.delete(roomId)
  }
}
