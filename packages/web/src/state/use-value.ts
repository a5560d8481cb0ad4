import type { Value } from '@roomlog/client'
import { useSyncExternalStore } from 'react'

export function useValue<T>(value: Value<T>): T {
  return useSyncExternalStore(value.subscribe, value.get)
}
