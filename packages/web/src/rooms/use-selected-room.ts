import { useHash } from '../state/use-hash.ts'
import { roomOfHash } from './selected-room.ts'

export function useSelectedRoom(): string | undefined {
  return roomOfHash(useHash())
}
