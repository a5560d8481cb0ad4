import type { RoomFacts, Timeline } from '@roomlog/client'
import { useMemo, useRef } from 'react'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import { useName } from '../people/use-name.ts'
import { useClient, useMe } from '../session/use-client.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'
import { EmptyRoom } from './empty-room.tsx'
import { JumpButtons } from './jump-buttons.tsx'
import { ListStart } from './list-start.tsx'
import { MessageRow } from './message-row.tsx'
import type { ReadLine } from './read-line.ts'
import type { Row } from './rows.ts'
import { useListPlace } from './use-list-place.ts'
import { useRows } from './use-rows.ts'
import { useSteps } from './use-steps.ts'
import './timeline.css'

/** Of `ListStart`, in CSS pixels: the virtual list counts from below it. */
const START_HEIGHT = 72
/** Drawn beyond what is in sight, in CSS pixels. */
const BUFFER = 600

interface MessageListProps {
  readonly room: RoomFacts
  readonly timeline: Timeline
  readonly line: ReadLine
  /** Another number after each message of one's own: it is to be seen. */
  readonly sent: number
  readonly onInvite: () => void
}

export function MessageList({ room, timeline, line, sent, onInvite }: MessageListProps) {
  const t = useTexts()
  const me = useMe()
  const client = useClient()
  const { status } = useValue(client.connection)
  const nameOf = useName()
  const snapshot = useValue(timeline.snapshot)
  const rows = useRows(snapshot, me.id, line)
  const step = useSteps(rows)
  const scroller = useRef<HTMLDivElement>(null)
  const list = useRef<VirtualizerHandle>(null)
  const place = useListPlace({ room, timeline, snapshot, rows, step, line, sent, list })

  const children = useMemo(
    () => (row: Row) => (
      <MessageRow key={row.key} row={row} name={nameOf(row.senderId)} isMine={row.senderId === me.id} />
    ),
    [nameOf, me.id],
  )
  const isEmpty = rows.length === 0
  return (
    <div className="messages-frame">
      <div
        ref={scroller}
        className="messages"
        role="log"
        aria-label={t.messages}
        aria-live="off"
        aria-busy={!snapshot.isLoaded}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled with the keyboard
        tabIndex={0}
      >
        {!snapshot.isLoaded && isEmpty ? (
          <p className="messages-note">{status === 'waiting' ? t.waitingForMessages : t.loadingMessages}</p>
        ) : isEmpty ? (
          <EmptyRoom room={room} onInvite={onInvite} />
        ) : (
          <>
            <ListStart
              {...{ room, hasOlder: snapshot.hasOlder, hasFailed: place.hasFailed, onRetry: place.retry }}
            />
            <Virtualizer
              key={step.run}
              ref={list}
              scrollRef={scroller}
              data={step.rows}
              shift={step.isShift}
              startMargin={START_HEIGHT}
              bufferSize={BUFFER}
              onScroll={place.scrolled}
              onResize={place.resized}
            >
              {children}
            </Virtualizer>
          </>
        )}
      </div>
      <JumpButtons
        unread={room.unreadCount}
        showsNewest={!isEmpty && (!place.isAtEnd || snapshot.hasNewer)}
        showsFirstUnread={place.isLineAbove && !place.hasFailed}
        onNewest={place.toNewest}
        onFirstUnread={place.toFirstUnread}
      />
    </div>
  )
}
