import type { RoomFacts } from '@roomlog/client'
import { memo } from 'react'
import { readDraft } from '../composer/drafts.ts'
import { Avatar } from '../look/avatar.tsx'
import { LockIcon } from '../look/icons.tsx'
import { onlineOthers } from '../people/roster.ts'
import { useName } from '../people/use-name.ts'
import { useRoster } from '../people/use-roster.ts'
import { useMe } from '../session/use-client.ts'
import { shortTime } from '../text/times.ts'
import { useLocale, useTexts } from '../text/use-texts.ts'
import { hashOf } from './selected-room.ts'

interface RoomListItemProps {
  readonly room: RoomFacts
  readonly isSelected: boolean
  /** Where Tab enters the list. */
  readonly isEntry: boolean
  readonly showsPresence: boolean
}

const MAX_SHOWN = 99

export const RoomListItem = memo(function RoomListItem(props: RoomListItemProps) {
  const { room, isSelected, isEntry, showsPresence } = props
  const t = useTexts()
  const locale = useLocale()
  const me = useMe()
  const nameOf = useName()
  const online = onlineOthers(useRoster(showsPresence ? room.id : undefined), me.id)
  const { lastMessage, unreadCount } = room
  const isUnread = unreadCount > 0 && !isSelected
  const said = lastMessage && (
    <>
      <span className="room-sender">
        {lastMessage.senderId === me.id ? t.you : nameOf(lastMessage.senderId)}:
      </span>{' '}
      {lastMessage.body || t.bodyRemoved}
    </>
  )
  const draft = isSelected ? '' : readDraft(me.id, room.id)
  return (
    <li>
      <a
        href={hashOf(room.id)}
        className={isUnread ? 'room-link is-unread' : 'room-link'}
        aria-current={isSelected ? 'page' : undefined}
        tabIndex={isEntry ? 0 : -1}
        data-testid="room"
      >
        <span className="room-picture">
          <Avatar id={room.id} name={room.name} isRoom />
          {online > 0 && <span className="dot" />}
        </span>
        <span className="room-name">
          {room.name}
          {room.visibility === 'private' && <LockIcon />}
          <span className="sr-only">
            {isUnread && `, ${t.unread(unreadCount)}`}
            {online > 0 && `, ${t.online(online)}`}
          </span>
        </span>
        <span className="room-time">
          {lastMessage && shortTime(lastMessage.createdAt, new Date(), locale)}
        </span>
        <span className="room-last">
          {draft !== '' && <span className="room-draft">✎ </span>}
          {draft === '' ? (said ?? t.noMessagesYet) : draft}
        </span>
        {isUnread && (
          <span className="badge">
            <span aria-hidden="true">{unreadCount > MAX_SHOWN ? `${MAX_SHOWN}+` : unreadCount}</span>
          </span>
        )}
      </a>
    </li>
  )
})
