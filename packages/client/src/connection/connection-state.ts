import { type AfterClose, CLOSE_CODES } from '@roomlog/protocol/wire'

/** Why a client does not connect again by itself. */
export type StopReason =
  /** Nobody is signed in any more. */
  | { readonly reason: 'signed_out' }
  /** The edge closed with a code after which a client stops: `CLOSE_CODES` names it. */
  | { readonly reason: 'closed'; readonly code: number }

export type Phase =
  /** Nobody wants a connection. */
  | { readonly status: 'idle' }
  /** A new access token is got first. */
  | { readonly status: 'refreshing' }
  /** A socket is opened; it counts once it said welcome. */
  | { readonly status: 'opening'; readonly connection: number }
  /** `isLeaving`: the edge is draining, and has given a slot at which to go. */
  | { readonly status: 'open'; readonly connection: number; readonly isLeaving: boolean }
  /** `isPaced`: until the slot that a draining edge gave, which nothing shortens. */
  | { readonly status: 'waiting'; readonly isPaced: boolean; readonly next: 'open' | 'refresh' }
  | ({ readonly status: 'stopped' } & StopReason)

/** A client's connection, a value: which socket counts, or what comes before the next. */
export interface ConnectionState {
  readonly phase: Phase
  /** Sockets opened so far: each has a number. */
  readonly connections: number
  /** Attempts in a row that came to nothing, or to a connection that was lost soon. */
  readonly failures: number
}

export type ConnectionEvent =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'signedOut' }
  | { readonly type: 'welcomed'; readonly connection: number }
  /** `livedMs` is the time since its welcome, 0 without one. */
  | { readonly type: 'closed'; readonly connection: number; readonly code: number; readonly livedMs: number }
  | { readonly type: 'draining'; readonly connection: number; readonly afterMs: number }
  | { readonly type: 'refreshed' }
  | { readonly type: 'refreshFailed' }
  /** The wait is over; one that nothing waits for any more says nothing. */
  | { readonly type: 'timer' }
  /** A network seems to have come or gone, or somebody looks. */
  | { readonly type: 'wake' }

/** What the owner does, in this order. */
export type ConnectionEffect =
  | { readonly type: 'open'; readonly connection: number }
  | { readonly type: 'close'; readonly connection: number }
  | { readonly type: 'refresh' }
  /** Instead of any wait before it: `timer` after a time drawn evenly from here. */
  | { readonly type: 'wait'; readonly minMs: number; readonly maxMs: number }

type Stepped = readonly [ConnectionState, readonly ConnectionEffect[]]

/** Never zero: what fails at once would be asked without a pause. */
const SHORTEST_WAIT_MS = 500
const FIRST_CEILING_MS = 1000
const LONGEST_WAIT_MS = 20_000
/** A connection that held so long was no failure. */
const STABLE_MS = 10_000

export const IDLE: ConnectionState = { phase: { status: 'idle' }, connections: 0, failures: 0 }

/** What becomes of a connection by what happened, and what is to be done. No I/O, no clock, no chance. */
export function stepConnection(state: ConnectionState, event: ConnectionEvent): Stepped {
  const { phase } = state
  switch (event.type) {
    case 'start':
      return phase.status === 'idle' || phase.status === 'stopped'
        ? open({ ...state, failures: 0 })
        : [state, []]
    case 'stop':
      return leave(state, { status: 'idle' })
    case 'signedOut':
      return phase.status === 'idle' ? [state, []] : leave(state, { status: 'stopped', reason: 'signed_out' })
    case 'welcomed':
      if (phase.status !== 'opening' || event.connection !== phase.connection) return [state, []]
      return [{ ...state, phase: { status: 'open', connection: phase.connection, isLeaving: false } }, []]
    case 'closed':
      return socketOf(phase) === event.connection ? onClosed(state, event) : [state, []]
    case 'draining': {
      if (phase.status !== 'open' || event.connection !== phase.connection) return [state, []]
      const waitMs = Math.max(event.afterMs, SHORTEST_WAIT_MS)
      return [
        { ...state, phase: { ...phase, isLeaving: true } },
        [{ type: 'wait', minMs: waitMs, maxMs: waitMs }],
      ]
    }
    case 'refreshed':
      return phase.status === 'refreshing' ? backOff(state, 'open') : [state, []]
    case 'refreshFailed':
      return phase.status === 'refreshing' ? backOff(failed(state), 'refresh') : [state, []]
    case 'timer':
      return onTimer(state)
    case 'wake': {
      if (phase.status !== 'waiting' || phase.isPaced) return [state, []]
      return [state, [{ type: 'wait', minMs: SHORTEST_WAIT_MS, maxMs: FIRST_CEILING_MS }]]
    }
  }
}

function onClosed(state: ConnectionState, { code, livedMs }: { code: number; livedMs: number }): Stepped {
  const { phase } = state
  const next = livedMs >= STABLE_MS ? { ...state, failures: 0 } : failed(state)
  const then = afterClose(code)
  if (then === 'stop') return [{ ...state, phase: { status: 'stopped', reason: 'closed', code } }, []]
  if (then === 'reauthenticate') return refresh(next)
  // The slot holds, whoever closes first.
  if (phase.status === 'open' && phase.isLeaving) {
    return [{ ...state, phase: { status: 'waiting', isPaced: true, next: 'open' } }, []]
  }
  return backOff(next, 'open')
}

function onTimer(state: ConnectionState): Stepped {
  const { phase } = state
  if (phase.status === 'open' && phase.isLeaving) {
    const [next, effects] = open({ ...state, failures: 0 })
    return [next, [{ type: 'close', connection: phase.connection }, ...effects]]
  }
  if (phase.status !== 'waiting') return [state, []]
  if (phase.next === 'open') return open(state)
  return refresh(state)
}

function refresh(state: ConnectionState): Stepped {
  return [{ ...state, phase: { status: 'refreshing' } }, [{ type: 'refresh' }]]
}

function open(state: ConnectionState): Stepped {
  const connection = state.connections + 1
  return [
    { ...state, phase: { status: 'opening', connection }, connections: connection },
    [{ type: 'open', connection }],
  ]
}

/** Full jitter under a ceiling that doubles. */
function backOff(state: ConnectionState, next: 'open' | 'refresh'): Stepped {
  const ceilingMs = FIRST_CEILING_MS * 2 ** Math.max(0, state.failures - 1)
  return [
    { ...state, phase: { status: 'waiting', isPaced: false, next } },
    [{ type: 'wait', minMs: SHORTEST_WAIT_MS, maxMs: Math.min(LONGEST_WAIT_MS, ceilingMs) }],
  ]
}

function leave(state: ConnectionState, phase: Phase): Stepped {
  const connection = socketOf(state.phase)
  return [{ ...state, phase, failures: 0 }, connection === undefined ? [] : [{ type: 'close', connection }]]
}

function failed(state: ConnectionState): ConnectionState {
  return { ...state, failures: state.failures + 1 }
}

/** The number of the socket that counts, open or being opened; undefined where there is none. */
export function socketOf(phase: Phase): number | undefined {
  return 'connection' in phase ? phase.connection : undefined
}

/** A code that no table has is one between: the network's, or a proxy's. */
export function afterClose(code: number): AfterClose {
  return Object.values(CLOSE_CODES).find((it) => it.code === code)?.client ?? 'reconnect'
}
