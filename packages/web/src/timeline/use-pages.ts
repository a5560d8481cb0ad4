import type { Timeline, TimelineSnapshot } from '@roomlog/client'
import { useLayoutEffect, useMemo, useRef, useState } from 'react'

/** So many rows before an end of what is held the next page is read. */
const AHEAD = 25

export interface Pages {
  /** How many rows are above and below those in sight. */
  near(above: number, below: number): void
  jumpTo(seq: number): void
  /** Tries again what failed. */
  retry(): void
  readonly hasFailed: boolean
}

/** Reads pages of a room as somebody comes near to them; one that failed waits until it is tried again. */
export function usePages(timeline: Timeline, snapshot: TimelineSnapshot): Pages {
  const [hasFailed, setHasFailed] = useState(false)
  const latest = useRef({ snapshot, hasFailed })
  useLayoutEffect(() => {
    latest.current = { snapshot, hasFailed }
  })
  const acts = useMemo(() => {
    const read = (page: () => Promise<void>) => {
      page().then(
        () => setHasFailed(false),
        () => setHasFailed(true),
      )
    }
    return {
      near: (above: number, below: number) => {
        const { snapshot: now, hasFailed: isWaiting } = latest.current
        if (now.isLoading || isWaiting) return
        if (now.hasOlder && above < AHEAD) read(() => timeline.loadOlder())
        else if (now.hasNewer && below < AHEAD) read(() => timeline.loadNewer())
      },
      jumpTo: (seq: number) => read(() => timeline.jumpTo(seq)),
      retry: () => setHasFailed(false),
    }
  }, [timeline])
  return useMemo(() => ({ ...acts, hasFailed }), [acts, hasFailed])
}
