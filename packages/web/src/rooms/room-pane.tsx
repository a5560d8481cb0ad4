import type { RoomFacts } from '@roomlog/client'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Composer } from '../composer/composer.tsx'
import { BackIcon, LockIcon, PeopleIcon } from '../look/icons.tsx'
import { memberCountOf, onlineOthers } from '../people/roster.ts'
import { useRoster } from '../people/use-roster.ts'
import { useMe } from '../session/use-client.ts'
import { useTexts } from '../text/use-texts.ts'
import { Announcer } from '../timeline/announcer.tsx'
import { MessageList } from '../timeline/message-list.tsx'
import type { Timelines } from '../timeline/timelines.ts'
import { UnderMessages } from '../timeline/under-messages.tsx'
import { useReadLine } from '../timeline/use-read-line.ts'
import { useTimeline } from '../timeline/use-timeline.ts'
import { hashOf } from './selected-room.ts'

const Members = lazy(() => import('../people/members.tsx'))

interface RoomPaneProps {
  readonly room: RoomFacts
  readonly timelines: Timelines
}

export function RoomPane({ room, timelines }: RoomPaneProps) {
  const t = useTexts()
  const me = useMe()
  const timeline = useTimeline(timelines, room.id)
  const [line, dropLine] = useReadLine(room)
  const [panel, setPanel] = useState<'members' | 'invite'>()
  const showsMembers = panel !== undefined
  const membersButton = useRef<HTMLButtonElement>(null)
  const roster = useRoster(room.id)
  const online = onlineOthers(roster, me.id)
  // Counted up by each message of one's own: the list then goes to its end.
  const [sent, setSent] = useState(0)

  const invite = () => setPanel('invite')
  const closeMembers = () => {
    setPanel(undefined)
    membersButton.current?.focus()
  }

  useEffect(() => {
    if (!showsMembers) return
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return
      setPanel(undefined)
      membersButton.current?.focus()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [showsMembers])

  return (
    <div className={showsMembers ? 'room has-panel' : 'room'}>
      <main className="room-main" aria-label={room.name}>
        <header className="bar">
          <a className="icon-button only-narrow" href={hashOf(undefined)} aria-label={t.backToRooms}>
            <BackIcon />
          </a>
          <div className="bar-title room-title">
            <h1 title={room.name}>
              {room.name}
              {room.visibility === 'private' && <LockIcon />}
            </h1>
            <p>
              {t.members(memberCountOf(roster, room.memberCount))}
              {online > 0 && ` · ${t.online(online)}`}
            </p>
          </div>
          <button
            type="button"
            className="button quiet members-button"
            aria-expanded={showsMembers}
            ref={membersButton}
            onClick={() => setPanel(showsMembers ? undefined : 'members')}
          >
            <PeopleIcon />
            <span>{t.membersTitle}</span>
          </button>
        </header>
        <MessageList {...{ room, timeline, line, sent }} onInvite={invite} />
        <UnderMessages {...{ room, timeline }} onInvite={invite} />
        <Composer
          room={room}
          onSent={() => {
            dropLine()
            setSent((count) => count + 1)
          }}
        />
        <Announcer timeline={timeline} />
      </main>
      <Suspense fallback={null}>
        {showsMembers && (
          <Members
            key={panel}
            {...{ room, invites: panel === 'invite', onClose: closeMembers }}
            onLeft={() => timelines.drop(room.id)}
          />
        )}
      </Suspense>
    </div>
  )
}
