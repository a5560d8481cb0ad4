import type { Percentiles } from '../percentiles.ts'

export interface LoadPlan {
  readonly url: string
  /** One socket each; `rooms` are indexes into `rooms` of the plan. */
  readonly people: readonly { readonly token: string | undefined; readonly rooms: readonly number[] }[]
  readonly rooms: readonly string[]
  /** Whether the sockets join their rooms; else they only send, and a message is done when it is acknowledged. */
  readonly areListening: boolean
}

export type Pace =
  /** So many messages are under way at any time, each until all have it. */
  | { readonly inFlight: number }
  /** So many are sent in a second, whatever becomes of them. */
  | { readonly perSecond: number }

export type LoadOrder =
  /** Resolves when all sockets have joined. */
  | { readonly do: 'open'; readonly plan: LoadPlan }
  | { readonly do: 'start'; readonly pace: Pace }
  /** What was done since the last mark. */
  | { readonly do: 'mark' }
  /** No more is sent; what is under way is waited for. */
  | { readonly do: 'stop' }
  /** All connections are lost. */
  | { readonly do: 'cut' }
  /** Those cut come back at once, and ask for what they missed; resolves when all have it. */
  | { readonly do: 'resume' }
  | { readonly do: 'close' }

export interface LoadMark {
  readonly ms: number
  readonly acked: number
  /** Messages that everybody has. */
  readonly done: number
  readonly deliveries: number
  /** Milliseconds from the send on. */
  readonly ack: Percentiles
  readonly delivered: Percentiles
  /** Of the process that makes the load, in µs. */
  readonly cpu: number
}

export interface LoadEnd {
  /** Acknowledged and not seen by everybody. */
  readonly lost: number
  /** Not of the next seq of its room, at some socket. */
  readonly outOfOrder: number
  /** By code. */
  readonly refused: Readonly<Record<string, number>>
}
