import { useSyncExternalStore } from 'react'

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

/** What the address has behind its `#`, that included. */
export function useHash(): string {
  return useSyncExternalStore(subscribe, () => location.hash)
}
