import { Listeners } from './listeners.ts'

/** Events by name, each with what it tells. */
export class Emitter<Events extends object> {
  readonly #byName = new Map<keyof Events, Listeners<never>>()

  /** Calls `listener` at each such event, once also where it is given twice; the answer ends that. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = this.#byName.get(name) ?? new Listeners()
    this.#byName.set(name, listeners)
    return listeners.add(listener)
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    this.#byName.get(name)?.tell(event as never)
  }
}
