import { Listeners } from './listeners.ts'

/** Something that changes, as React's `useSyncExternalStore` takes it: `get` gives the same object until it changes. */
export interface Value<T> {
  get(): T
  /** Calls `listener` after each change, once also where it is given twice; the answer ends that. */
  subscribe(listener: () => void): () => void
}

/** A value that its owner sets. */
export class Cell<T> implements Value<T> {
  #value: T
  readonly #listeners = new Listeners<void>()

  constructor(value: T) {
    this.#value = value
  }

  get = (): T => this.#value

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    this.#listeners.tell()
  }

  subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener)
}

/** Resolves when `holds` is true of the value, at once where it is so already. */
export function until<T>(value: Value<T>, holds: (it: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const look = () => {
      const it = value.get()
      if (!holds(it)) return
      unsubscribe()
      resolve(it)
    }
    const unsubscribe = value.subscribe(look)
    look()
  })
}
