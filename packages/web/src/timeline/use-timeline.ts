import type { Timeline } from '@roomlog/client'
import { useState } from 'react'
import type { Timelines } from './timelines.ts'

/** A room's timeline, for as long as it is shown; it stays open after that for a while. */
export function useTimeline(timelines: Timelines, roomId: string): Timeline {
  const [timeline] = useState(() => timelines.of(roomId))
  return timeline
}
