import type { Member } from '@roomlog/client'
import { useState } from 'react'
import { Avatar } from '../look/avatar.tsx'
import { useMe } from '../session/use-client.ts'
import { useTexts } from '../text/use-texts.ts'
import { MemberTools } from './member-tools.tsx'

interface MemberRowProps {
  readonly member: Member
  readonly roomId: string
  /** Whether who looks is an owner. */
  readonly isOwner: boolean
}

export function MemberRow({ member, roomId, isOwner }: MemberRowProps) {
  const t = useTexts()
  const me = useMe()
  const { user, role, online } = member
  const [isOpen, setIsOpen] = useState(false)
  const isMe = user.id === me.id
  const presence = online === null ? '' : online ? t.isOnline : t.isOffline
  return (
    <li className="member">
      <span className="room-picture">
        <Avatar id={user.id} name={user.displayName} />
        {online === true && <span className="dot" />}
      </span>
      <span className="member-name" dir="auto">
        {user.displayName}
        {isMe && <span className="faint"> ({t.you})</span>}
        <span className="sr-only"> {presence}</span>
      </span>
      <span className="member-facts">
        {user.username !== '' && `@${user.username}`}
        {role === 'owner' && <span className="tag">{t.owner}</span>}
      </span>
      {isOwner && !isMe && (
        <button
          type="button"
          className="icon-button member-more"
          aria-expanded={isOpen}
          aria-label={t.actionsFor(user.displayName)}
          onClick={() => setIsOpen(!isOpen)}
        >
          <span aria-hidden="true">⋯</span>
        </button>
      )}
      {isOpen && <MemberTools {...{ member, roomId, onDone: () => setIsOpen(false) }} />}
    </li>
  )
}
