import type { RoomFacts } from '@roomlog/client'
import { useEffect, useRef } from 'react'
import { CloseIcon } from '../look/icons.tsx'
import { LeaveRoom } from '../rooms/leave-room.tsx'
import { RoomSettings } from '../rooms/room-settings.tsx'
import { useLanguage, useTexts } from '../text/use-texts.ts'
import { Invite } from './invite.tsx'
import { MemberRow } from './member-row.tsx'
import { memberCountOf, sortedMembers } from './roster.ts'
import { useRoster, useRosters } from './use-roster.ts'
import './members.css'

interface MembersProps {
  readonly room: RoomFacts
  /** It was opened to invite somebody. */
  readonly invites: boolean
  readonly onClose: () => void
  readonly onLeft: () => void
}

/** Beside the room where there is space, over it on a phone. */
// biome-ignore lint/style/noDefaultExport: it is loaded when it is first opened
export default function Members({ room, invites, onClose, onLeft }: MembersProps) {
  const t = useTexts()
  const language = useLanguage()
  const rosters = useRosters()
  const roster = useRoster(room.id)
  const members = sortedMembers(roster, language)
  const isOwner = room.role === 'owner'
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    const field = invites ? panel.current?.querySelector('input') : undefined
    const start = field ?? panel.current?.querySelector('h2')
    start?.focus()
  }, [invites])
  useEffect(() => rosters.refresh(room.id), [rosters, room.id])
  return (
    <aside className="panel" ref={panel} aria-label={t.membersTitle}>
      <header className="bar">
        <h2 className="bar-title" tabIndex={-1}>
          {t.membersTitle} <span className="faint">{memberCountOf(roster, room.memberCount)}</span>
        </h2>
        <button type="button" className="icon-button" aria-label={t.close} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      <div className="panel-inside">
        <section className="panel-part">
          {isOwner ? <Invite roomId={room.id} /> : <p className="hint">{t.ownersInvite}</p>}
        </section>
        <section className="panel-part">
          {members.length === 0 && roster.status === 'loading' && <p className="hint">{t.loading}</p>}
          <ul className="members">
            {members.map((member) => (
              <MemberRow key={member.user.id} {...{ member, roomId: room.id, isOwner }} />
            ))}
          </ul>
          {roster.status === 'failed' && <p className="hint wrong">{t.errors.network}</p>}
          {(roster.status === 'failed' || roster.nextCursor !== null) && (
            <button
              type="button"
              className="button quiet wide"
              disabled={roster.status === 'loading'}
              onClick={() => void rosters.more(room.id)}
            >
              {roster.status === 'failed' ? t.tryAgain : t.showMore}
            </button>
          )}
        </section>
        {isOwner && <RoomSettings room={room} />}
        <LeaveRoom room={room} onLeft={onLeft} />
      </div>
    </aside>
  )
}
