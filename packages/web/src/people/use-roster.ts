import { Cell } from '@roomlog/client'
import { createContext, useContext, useMemo } from 'react'
import { useValue } from '../state/use-value.ts'
import { type Roster, UNREAD_ROSTER } from './roster.ts'
import type { Rosters } from './rosters.ts'

export const RostersContext = createContext<Rosters | undefined>(undefined)
const NONE = new Cell<Roster>(UNREAD_ROSTER)

export function useRosters(): Rosters {
  const rosters = useContext(RostersContext)
  if (rosters === undefined) throw new Error('there are no rosters around')
  return rosters
}

/** Who is in a room; undefined asks for nobody. */
export function useRoster(roomId: string | undefined): Roster {
  const rosters = useRosters()
  return useValue(useMemo(() => (roomId === undefined ? NONE : rosters.of(roomId)), [rosters, roomId]))
}
