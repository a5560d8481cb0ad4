import type { Audience } from '../bench/path/audience.ts'
import type { Stack } from '../chaos/stack.ts'
import type { Tally } from './tally.ts'

/** What an attack is prepared with. */
export interface Field {
  readonly stack: Stack
  readonly databaseUrl: string
  /** Those who are not to notice it. */
  readonly others: Audience
  readonly say: (what: string) => void
}

/** What an attacker works with, in its own process. */
export interface Ground {
  readonly apiUrl: URL
  readonly wsUrl: URL
  readonly tally: Tally
  /** Aborts when it is over. */
  readonly over: AbortSignal
}

export interface Attack {
  readonly id: string
  readonly what: string
  /** Whose memory is told. */
  readonly on: 'api' | 'ws-edge'
  /** Longer than others, to see its end. */
  readonly leastSeconds?: number
  /** People and rooms that it wants; what it answers goes to the attacker's process. */
  readonly prepare?: (field: Field) => Promise<unknown>
  /** Begins; what it has begun ends with `over`. Resolves when it has begun, or is over. */
  readonly run: (ground: Ground, prepared: never) => Promise<void> | void
  /** Answers and ends without which the attack was not what it is meant to be: at least one of each, as counted. */
  readonly expected: readonly string[]
}

/** With its own type for what `prepare` makes and `run` takes. */
export function attack<Prepared = undefined>(
  it: Omit<Attack, 'prepare' | 'run'> & {
    readonly run: (ground: Ground, prepared: Prepared) => Promise<void> | void
  } & (Prepared extends undefined ? unknown : { readonly prepare: (field: Field) => Promise<Prepared> }),
): Attack {
  return it as Attack
}

/** Between one connection of an attacker's and the next: they do not come in one moment. */
export const RAMP_MS = 4

/** Of those who attack, unless it is said otherwise. */
export const ADDRESSES = 4

/** One of 250 addresses of this machine that are not those of others. */
export function addressOf(n: number): string {
  return `127.0.1.${1 + (n % 250)}`
}

/** Calls again and again until it is over. */
export function every(ms: number, over: AbortSignal, call: () => void): void {
  const timer = setInterval(call, ms)
  over.addEventListener('abort', () => clearInterval(timer), { once: true })
}
