/**
 * What every client did and saw in a run, and what was broken meanwhile: one entry a line, in a JSONL file per client.
 * `t` is the monotonic clock of the machine in milliseconds, the same for all processes on it. An invocation is written
 * before its frame or request leaves, a completion after its answer arrived, so that the checker may conclude an order of
 * two things from their times only when one was completed before the other was begun.
 */
export type Entry = { readonly t: number } & (
  | RunEntry
  | PersonEntry
  | ConnectionEntry
  | SendEntry
  | JoinEntry
  | ReadEntry
  | CursorEntry
  | MembershipEntry
  | PresenceEntry
  | NemesisEntry
)

/** The first entry of a run's own file. */
export interface RunEntry {
  readonly type: 'run'
  readonly commit: string
  readonly engine: 'embedded' | 'full'
  readonly faults: readonly string[]
  readonly seed: number
  readonly control?: string
}

/** A client and whom it speaks for. `member` rooms are those of which the person is a member when the load begins. */
export interface PersonEntry {
  readonly type: 'person'
  readonly client: string
  readonly userId: string
  readonly member: readonly string[]
}

export type ConnectionEntry =
  /** The welcome came. `connection` is unique in the run. */
  | {
      readonly type: 'connected'
      readonly client: string
      readonly connection: string
      readonly edge: string
    }
  | { readonly type: 'closed'; readonly client: string; readonly connection: string; readonly code: number }

export interface SendAddress {
  readonly client: string
  readonly userId: string
  readonly roomId: string
  readonly clientMsgId: string
}

export type SendEntry =
  /** An attempt leaves the client. All attempts of one (room, sender, clientMsgId) **and body** are one operation. */
  | ({
      readonly type: 'send'
      readonly body: string
      readonly attempt: number
      readonly connection: string
    } & SendAddress)
  /** The ack of the latest attempt on that connection. `seq` where the edge found the stored row. */
  | ({
      readonly type: 'ack'
      readonly body: string
      readonly connection: string
      readonly status: 'ACCEPTED' | 'FAILED'
      readonly code?: string
      readonly seq?: number
    } & SendAddress)
  | ({ readonly type: 'rejected'; readonly code: string } & SendAddress)

/** A stored message, as some reader saw it. */
export interface Seen {
  readonly seq: number
  readonly id: string
  readonly senderId: string
  readonly clientMsgId: string
  readonly body: string
}

export function isSameRow(a: Seen, b: Seen): boolean {
  const isSameMessage = a.senderId === b.senderId && a.clientMsgId === b.clientMsgId && a.body === b.body
  return a.seq === b.seq && a.id === b.id && isSameMessage
}

export type JoinEntry = { readonly client: string; readonly connection: string; readonly roomId: string } & (
  | { readonly type: 'join'; readonly afterSeq?: number }
  | {
      readonly type: 'joined'
      readonly headSeq: number
      readonly recovered?: boolean
      readonly reason?: string
      /** False: the server began the stream anew by itself. */
      readonly asked: boolean
    }
  | { readonly type: 'joinRefused'; readonly code: string }
  | { readonly type: 'leave' }
  | { readonly type: 'left' }
  | { readonly type: 'removed' }
  | ({ readonly type: 'live' } & Seen)
)

/** A page of history over REST. `read` is unique in the run and joins the two. */
export type ReadEntry = { readonly client: string; readonly read: string; readonly roomId: string } & (
  | {
      readonly type: 'read'
      readonly after?: number
      readonly before?: number
      /** Belongs to the last reading of everything, after the faults and the load. */
      readonly final: boolean
    }
  | {
      readonly type: 'page'
      readonly head: number
      readonly hasMore: boolean
      readonly messages: readonly Seen[]
      readonly final: boolean
    }
  /** Refused or not answered. `status` 0: no answer. */
  | { readonly type: 'readFailed'; readonly status: number; readonly code?: string }
)

/** Read positions: what a POST was answered, what a frame said, what a list of members said. */
export type CursorEntry = {
  readonly client: string
  readonly roomId: string
  readonly userId: string
} & (
  | { readonly type: 'cursorSet'; readonly op: string; readonly seq: number }
  /** `startedAt`: when it was asked, of the same clock; for frames the time they came. */
  | {
      readonly type: 'cursor'
      readonly lastReadSeq: number
      readonly startedAt: number
      readonly how: 'answer' | 'frame' | 'members'
    }
)

/** An owner adds or removes a member; `begin` before the request, `done` after its answer (2xx), `failed` otherwise. */
export type MembershipEntry = {
  readonly type: 'membership'
  readonly change: 'add' | 'remove'
  readonly phase: 'begin' | 'done' | 'failed'
  readonly op: string
  readonly client: string
  readonly roomId: string
  /** Whose membership changes. */
  readonly userId: string
}

/** What a list of members said of presence: asked at `startedAt`, against the sockets that each user really had. */
export interface PresenceEntry {
  readonly type: 'presence'
  readonly client: string
  readonly roomId: string
  readonly startedAt: number
  readonly online: Readonly<Record<string, boolean | null>>
}

export type NemesisEntry =
  | {
      readonly type: 'fault'
      readonly phase: 'begin' | 'end'
      readonly fault: string
      readonly act: string
      readonly target: string
    }
  /** `load`: sends begin. `healed`: the last fault is over. `stopped`: no send is begun any more. `settled`: final reads begin. */
  | { readonly type: 'phase'; readonly phase: 'load' | 'healed' | 'stopped' | 'settled' | 'over' }
  /** All services answer `/readyz` again after `healed`. */
  | { readonly type: 'ready' }
  /** A process that was not a victim ended, or something was logged that must not be. */
  | { readonly type: 'trouble'; readonly what: string }
  /** A bound of the fault's row that was measured; `ok` false is a violation named after the fault. */
  | {
      readonly type: 'bound'
      readonly fault: string
      readonly what: string
      readonly measured: number
      readonly limit: number
      readonly ok: boolean
    }

/** Milliseconds of the machine's monotonic clock, with microseconds behind the point. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}
