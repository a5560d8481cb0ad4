/** Something that changes, as React's `useSyncExternalStore` takes it: `get` gives the same object until it changes. */
export interface Value<T> {
  get(): T
  /** Calls `listener` after each change; the answer ends that. */
  subscribe(listener: () => void): () => void
}

export class Cell<T> implements Value<T> {
  #value: T
  readonly #listeners = new Set<() => void>()

  constructor(value: T) {
    this.#value = value
  }

  get = (): T => this.#value

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) listener()
  }

  subscribe = (listener: () => void): (() => void) => {
    // A function of its own: one listener given twice is two.
    const own = () => listener()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }
}

/** Resolves when `holds` is true of the value, at once where it is so already; rejects with the signal's reason. */
export function until<T>(value: Value<T>, holds: (it: T) => boolean, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const it = value.get()
      if (!holds(it)) return
      end()
      resolve(it)
    }
    const abort = () => {
      end()
      reject(signal?.reason)
    }
    const unsubscribe = value.subscribe(look)
    const end = () => {
      unsubscribe()
      signal?.removeEventListener('abort', abort)
    }
    signal?.addEventListener('abort', abort)
    if (signal?.aborted === true) abort()
    else look()
  })
}
