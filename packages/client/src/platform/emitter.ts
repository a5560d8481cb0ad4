/** Events by name, each with what it tells. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  /** Calls `listener` at each such event, once also where it is given twice; the answer ends that. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const ofName = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, ofName)
    ofName.add(listener)
    return () => void ofName.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = [...(this.#listeners.get(name) ?? [])] as ((event: Events[Name]) => void)[]
    for (const listener of listeners) listener(event)
  }
}
