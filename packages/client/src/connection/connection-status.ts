import type { Phase, StopReason } from './connection-state.ts'

/** What a banner shows. */
export type ConnectionStatus =
  | { readonly status: 'idle' | 'connecting' | 'online' }
  /** `retryAtMs`: when it is tried again, as `Date.now()` counts. */
  | { readonly status: 'waiting'; readonly retryAtMs: number }
  | ({ readonly status: 'stopped' } & StopReason)

const ONLINE = { status: 'online' } as const
const CONNECTING = { status: 'connecting' } as const

export function statusOf(phase: Phase, retryAtMs: number): ConnectionStatus {
  switch (phase.status) {
    case 'waiting':
      return { status: 'waiting', retryAtMs }
    case 'open':
      return ONLINE
    case 'idle':
    case 'stopped':
      return phase
    case 'opening':
    case 'refreshing':
      return CONNECTING
  }
}
