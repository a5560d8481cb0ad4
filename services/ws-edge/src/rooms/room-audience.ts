import type { Subscription } from './room-events.ts'

/** Nothing is delivered on a membership that was not looked at for so long. */
export const STALE_AFTER_MS = 5000

/** A subscriber that is not live yet. */
export interface Joining {
  /**
   * `reading`: a read is under way or awaits draining; `stalled`: it failed, the next sweep that succeeds asks again;
   * `waiting`: everything up to `position` is written, and the room has to come there.
   */
  phase: 'reading' | 'stalled' | 'waiting'
  readonly afterSeq: number | undefined
  /** The seq written last; undefined before the join is answered. */
  position: number | undefined
  /** The membership version it was let in under, or before that of a removal: no read below it counts. */
  version: number
  /** What was known of the membership when the read was asked. */
  askedVersion: number
}

/** Who subscribes to a room, under which version of its membership each was let in, and when that was looked at. */
export class RoomAudience<S extends Subscription> {
  /** With the version of each. */
  readonly live = new Map<S, number>()
  readonly joining = new Map<S, Joining>()
  #version = 0
  #checkedAtMs = Number.NEGATIVE_INFINITY

  get isEmpty(): boolean {
    return this.live.size === 0 && this.joining.size === 0
  }

  get all(): readonly S[] {
    return [...this.live.keys(), ...this.joining.keys()]
  }

  /** The membership version that everybody who was answered is a member under. */
  get version(): number {
    return this.#version
  }

  /** The last completed check is so old that nothing may be delivered. */
  isStale(nowMs: number): boolean {
    return nowMs - this.#checkedAtMs > STALE_AFTER_MS
  }

  /** A look that was asked for at that time has shown everybody to be a member under this version. */
  checked(version: number, askedAtMs: number): void {
    this.#version = version
    this.#checkedAtMs = Math.max(this.#checkedAtMs, askedAtMs)
  }

  /** The version it was let in under, or was looked at since; undefined before the join is answered. */
  versionOf(sub: S): number | undefined {
    const join = this.joining.get(sub)
    if (join === undefined) return this.live.get(sub)
    return join.position === undefined ? undefined : join.version
  }

  raise(sub: S, version: number): void {
    const join = this.joining.get(sub)
    if (join === undefined) this.live.set(sub, version)
    else join.version = version
  }

  delete(sub: S): void {
    this.live.delete(sub)
    this.joining.delete(sub)
  }

  clear(): void {
    this.live.clear()
    this.joining.clear()
  }
}
