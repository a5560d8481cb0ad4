/**
 * One room of a socket at a time reads a page, so that a socket never holds more than one. The others stand in line; of
 * one room only the latest does, which bounds the line by the rooms of the socket.
 */
export class PageTurns<Socket extends object> {
  /** Of the sockets whose turn is taken. */
  readonly #lines = new WeakMap<Socket, Map<string, () => void>>()

  /** Takes the turn if it is free. */
  take(socket: Socket): boolean {
    if (this.#lines.has(socket)) return false
    this.#lines.set(socket, new Map())
    return true
  }

  /** Calls back with the turn, now or when it is free. */
  wait(socket: Socket, roomId: string, then: () => void): void {
    if (this.take(socket)) then()
    else this.#lines.get(socket)?.set(roomId, then)
  }

  /** Whoever has the turn gives it to the next. */
  pass(socket: Socket): void {
    const line = this.#lines.get(socket)
    const [next] = line ?? []
    if (next === undefined) {
      this.#lines.delete(socket)
      return
    }
    const [roomId, then] = next
    line?.delete(roomId)
    then()
  }
}
