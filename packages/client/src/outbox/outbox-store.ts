import type { FrameErrorCode } from '@roomlog/protocol/wire'
import type { Platform } from '../platform/platform.ts'
import type { NewSend } from './outbox-events.ts'

/** A message as it is kept until it is stored, over reloads and crashes. */
export interface KeptSend extends NewSend {
  /** It was refused for good. */
  readonly code?: FrameErrorCode
}

/**
 * Where what is on its way is kept. What one tab keeps no other one sees before that tab is gone; then exactly one of
 * the others takes it. Nothing here rejects: what cannot be kept is told by `isKept`.
 */
export interface OutboxStore {
  /** Whether what is on its way outlives this page; false, too, once the browser has refused to keep something. */
  readonly isKept: boolean
  /** What tabs that are gone left behind, in the order of sending; from now on this one's. */
  adopt(): Promise<readonly KeptSend[]>
  /** Keeps it, in place of what was kept under its clientMsgId. */
  put(send: KeptSend): Promise<void>
  remove(clientMsgId: string): Promise<void>
  /** Removes all that this user's gone tabs, and this one, have kept. */
  clear(): Promise<void>
  close(): void
}

export function memoryOutboxStore(): OutboxStore {
  const nothing = async () => undefined
  return {
    isKept: false,
    adopt: async () => [],
    put: nothing,
    remove: nothing,
    clear: nothing,
    close: () => undefined,
  }
}

/** In IndexedDB where there is one, whose code is loaded only then; else in memory. */
export async function defaultOutboxStore(
  userId: string,
  { indexedDB, locks, newId }: Platform,
): Promise<OutboxStore> {
  try {
    if (indexedDB !== undefined && locks !== undefined) {
      const { indexedDbOutboxStore } = await import('./indexed-db-store.ts')
      return indexedDbOutboxStore(userId, { indexedDB, locks, newId })
    }
  } catch {
    // It cannot be loaded: as if there were none.
  }
  return memoryOutboxStore()
}
