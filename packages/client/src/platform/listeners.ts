/** Who wants to hear of one thing. */
export class Listeners<E> {
  readonly #all = new Set<(event: E) => void>()

  /** Once also where it is given twice; the answer ends that. */
  add(listener: (event: E) => void): () => void {
    this.#all.add(listener)
    return () => void this.#all.delete(listener)
  }

  /** One that throws keeps it from nobody else: as of a browser's event, what it threw is told as uncaught. */
  tell(event: E): void {
    for (const listener of [...this.#all]) {
      try {
        listener(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
