import { useSyncExternalStore } from 'react'
import { roomOfHash } from './selected-room.ts'

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

export function useSelectedRoom(): string | undefined {
  return useSyncExternalStore(subscribe, () => roomOfHash(location.hash))
}
