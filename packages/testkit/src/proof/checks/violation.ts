import type { Entry, Seen } from '../history.ts'

export interface Violation {
  /** `I1` … `I18`, the id of a fault whose bound was missed, or `trouble`. */
  readonly invariant: string
  readonly what: string
  /** The entries that it follows from, where they are few. */
  readonly trace?: readonly Entry[]
}

/** Which message a row is said to be. */
export function addressOf(roomId: string, { senderId, clientMsgId }: Seen): string {
  return `${roomId} ${senderId} ${clientMsgId}`
}

/** Calls back for every message that anybody saw, live or in a page. */
export function eachSeen(
  history: readonly Entry[],
  take: (roomId: string, seen: Seen, entry: Entry & { readonly client: string }) => void,
): void {
  for (const entry of history) {
    if (entry.type === 'live') take(entry.roomId, entry, entry)
    if (entry.type === 'page') for (const message of entry.messages) take(entry.roomId, message, entry)
  }
}
