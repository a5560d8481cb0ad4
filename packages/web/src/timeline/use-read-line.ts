import type { RoomFacts } from '@roomlog/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { isLookedAt, onLookChanged } from './looking.ts'
import { lineOnComing, lineOnLookingAgain, lineOnLookingAway, type ReadLine } from './read-line.ts'

/** Where the line of what is new stands, and how to drop it. */
export function useReadLine(room: RoomFacts): readonly [ReadLine, () => void] {
  const [line, setLine] = useState(() =>
    isLookedAt() ? lineOnComing(room) : (lineOnComing(room) ?? room.lastReadSeq),
  )
  const latest = useRef(room)
  useEffect(() => {
    latest.current = room
  }, [room])
  useEffect(
    () =>
      onLookChanged(() => {
        const change = isLookedAt() ? lineOnLookingAgain : lineOnLookingAway
        setLine((before) => change(before, latest.current))
      }),
    [],
  )
  return [line, useCallback(() => setLine(undefined), [])]
}
