import type { Entry } from '@roomlog/testkit/proof'
import type { CrowdOptions } from './load/crowd.ts'
import type { Nemesis } from './nemesis.ts'
import type { EngineName, StackOptions } from './stack.ts'

/** One row of the table of faults. */
export interface Fault {
  readonly id: string
  readonly title: string
  readonly engines: readonly EngineName[]
  /** What it needs of the system, where that differs from the usual. */
  readonly stack?: Partial<StackOptions>
  readonly crowd?: Partial<CrowdOptions>
  /** What is different of that in CI. */
  readonly shortCrowd?: Partial<CrowdOptions>
  /** After each act's end so long, at most, until a client is live again, gets an ACK and sees a new message. */
  readonly recovery: { readonly p99Ms: number }
  /** Needs a stack that nobody used and nobody uses after it. */
  readonly ownStack?: boolean
  readonly inject: (nemesis: Nemesis) => Promise<void>
  /** Bounds that only the whole history shows; what is above its limit is a violation named after the fault. */
  readonly judge?: (history: readonly Entry[]) => readonly Measured[]
}

export interface Measured {
  readonly what: string
  readonly measured: number
  readonly limit: number
}

export const BOTH: readonly EngineName[] = ['embedded', 'full']
