/** Whoever hears of a change reads the room again, so that one owner's changes are as many requests as the room has sockets. */
const INTERVAL_MS = 2000

/** Tells of changed rooms at once, and of one room no more often than every two seconds: the last change always is told. */
export class RoomChanges {
  readonly #tell: (roomId: string) => void
  /** Rooms that were told of a moment ago, and whether they have changed since. */
  readonly #recent = new Map<string, { readonly timer: NodeJS.Timeout; hasChanged: boolean }>()

  constructor(tell: (roomId: string) => void) {
    this.#tell = tell
  }

  changed(roomId: string): void {
    const recent = this.#recent.get(roomId)
    if (recent !== undefined) {
      recent.hasChanged = true
      return
    }
    this.#tell(roomId)
    const timer = setTimeout(() => this.#over(roomId), INTERVAL_MS)
    this.#recent.set(roomId, { timer, hasChanged: false })
  }

  stop(): void {
    for (const { timer } of this.#recent.values()) clearTimeout(timer)
    this.#recent.clear()
  }

  #over(roomId: string): void {
    const hasChanged = this.#recent.get(roomId)?.hasChanged
    this.#recent.delete(roomId)
    if (hasChanged === true) this.changed(roomId)
  }
}
