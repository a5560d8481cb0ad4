import type { RoomFacts, Timeline, TimelineSnapshot } from '@roomlog/client'
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { VirtualizerHandle } from 'virtua'
import { useClient } from '../session/use-client.ts'
import { useValue } from '../state/use-value.ts'
import { isLookedAt, onLookChanged } from './looking.ts'
import type { ReadLine } from './read-line.ts'
import type { Row } from './rows.ts'
import type { Step } from './steps.ts'
import { usePages } from './use-pages.ts'

/** So near counts as the end, in CSS pixels. */
const END_PX = 40
/** What stays in sight over the line of what is new. */
const ABOVE_LINE_PX = 96

interface ListPlaceOptions {
  readonly room: RoomFacts
  readonly timeline: Timeline
  readonly snapshot: TimelineSnapshot
  readonly rows: readonly Row[]
  readonly step: Step
  readonly line: ReadLine
  readonly sent: number
  readonly list: RefObject<VirtualizerHandle | null>
}

/** Where the list is to go once it has the rows for it. */
type Goal = 'end' | 'line' | 'lineOrEnd' | undefined

/** Where in a room somebody looks: follows the newest while they are at the end, and keeps the place elsewhere. */
export function useListPlace(options: ListPlaceOptions) {
  const { room, timeline, snapshot, rows, step, line, sent, list } = options
  const client = useClient()
  const [isAtEnd, setIsAtEnd] = useState(true)
  const [isLineAbove, setIsLineAbove] = useState(false)
  const sticks = useRef(true)
  const offset = useRef(0)
  const goal = useRef<Goal>('lineOrEnd')
  const run = useRef(step.run)
  // Whether the line was in sight since it is there.
  const wasSeen = useRef(false)
  const pages = usePages(timeline, snapshot)

  // What was drawn last: what is asked while the browser scrolls is about it.
  const latest = useRef({ room, snapshot, rows: step.rows, line })
  useLayoutEffect(() => {
    latest.current = { room, snapshot, rows: step.rows, line }
  })

  const toEnd = useCallback(() => {
    const last = latest.current.rows.length - 1
    if (last >= 0) list.current?.scrollToIndex(last, { align: 'end' })
  }, [list])

  useEffect(() => {
    if (line !== undefined) wasSeen.current = false
  }, [line])

  /** Tells what follows from what is in sight. */
  const look = useCallback(() => {
    const handle = list.current
    const { rows: shown, snapshot: now, room: facts, line: readUpTo } = latest.current
    if (handle === null || shown.length === 0) return
    const first = handle.findItemIndex(handle.scrollOffset)
    const last = handle.findItemIndex(handle.scrollOffset + handle.viewportSize - 1)
    const isEnd = sticks.current && !now.hasNewer
    setIsAtEnd(isEnd)
    timeline.lookAt(isEnd ? undefined : shown[Math.floor((first + last) / 2)]?.seq)
    pages.near(first, shown.length - 1 - last)
    const lineAt = shown.findIndex(({ beginsUnread }) => beginsUnread)
    const isBefore = readUpTo !== undefined && lineAt < 0 && (shown[0]?.seq ?? 0) > readUpTo + 1
    const isPassed = lineAt >= 0 && lineAt < first
    setIsLineAbove((isBefore || isPassed) && !wasSeen.current)
    if (lineAt >= first && lineAt <= last) wasSeen.current = true
    const message = shown.slice(0, last + 1).findLast(({ seq }) => seq !== undefined)
    if (message?.seq === undefined || !isLookedAt() || message.seq <= facts.lastReadSeq) return
    const stored = now.messages.find(({ seq }) => seq === message.seq)
    if (stored !== undefined) client.room(facts.id).markRead(stored)
  }, [client, list, pages, timeline])

  const toNewest = useCallback(() => {
    sticks.current = true
    // Where the newest are not held they come with the next drawing.
    goal.current = latest.current.snapshot.hasNewer ? 'end' : undefined
    timeline.jumpToNewest()
    if (goal.current === undefined) toEnd()
  }, [timeline, toEnd])

  // One's own message is to be seen.
  useEffect(() => {
    if (sent > 0) toNewest()
  }, [sent, toNewest])

  useLayoutEffect(() => {
    const isNew = run.current !== step.run
    run.current = step.run
    if (isNew && goal.current === undefined) goal.current = 'end'
    if (step.rows !== rows || rows.length === 0) return
    if (goal.current === undefined) {
      if (sticks.current && !snapshot.hasNewer) toEnd()
    } else {
      const lineAt = rows.findIndex(({ beginsUnread }) => beginsUnread)
      const toLine = goal.current !== 'end' && lineAt >= 0
      // What was asked for is not here yet.
      if (goal.current === 'line' && !toLine) return
      if (toLine) list.current?.scrollToIndex(lineAt, { align: 'start', offset: -ABOVE_LINE_PX })
      else toEnd()
      sticks.current = !toLine
      goal.current = undefined
    }
  }, [step, rows, snapshot.hasNewer, list, toEnd])

  // As soon as somebody looks again, and after each change of these.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it reads them from what was drawn last
  useEffect(() => {
    const frame = requestAnimationFrame(look)
    return () => cancelAnimationFrame(frame)
  }, [look, step, line, snapshot.isLoading])
  useEffect(() => onLookChanged(look), [look])
  const { status } = useValue(client.connection)
  const { retry } = pages
  useEffect(() => {
    if (status === 'online') retry()
  }, [status, retry])

  const scrolled = useCallback(
    (to: number) => {
      const handle = list.current
      if (handle === null) return
      const isNear = handle.scrollSize - handle.viewportSize - to < END_PX
      // Only who goes up leaves the end: what grows below them does not take them away from it.
      if (isNear) sticks.current = true
      else if (to < offset.current - 1) sticks.current = false
      offset.current = to
      look()
    },
    [list, look],
  )

  const resized = useCallback(() => {
    if (sticks.current && !latest.current.snapshot.hasNewer && goal.current === undefined) toEnd()
  }, [toEnd])

  const toFirstUnread = () => {
    if (line === undefined) return
    const lineAt = rows.findIndex(({ beginsUnread }) => beginsUnread)
    sticks.current = false
    if (lineAt >= 0) list.current?.scrollToIndex(lineAt, { align: 'start', offset: -ABOVE_LINE_PX })
    else {
      goal.current = 'line'
      pages.jumpTo(line + 1)
    }
  }

  return {
    ...{ isAtEnd, isLineAbove, scrolled, resized, toNewest, toFirstUnread },
    ...{ hasFailed: pages.hasFailed, retry },
  }
}
