import type { RoomFacts } from '@roomlog/client'
import { useEffect } from 'react'
import icon from '../look/icon.svg'
import unreadIcon from '../look/icon-unread.svg'

/** The tab says how much there is to read, in its title and its icon. */
export function useUnreadTitle(rooms: readonly RoomFacts[], room: RoomFacts | undefined): void {
  const unread = rooms.reduce((sum, { unreadCount }) => sum + unreadCount, 0)
  const name = room?.name
  useEffect(() => {
    const count = unread > 0 ? `(${unread}) ` : ''
    document.title = `${count}${name === undefined ? '' : `${name} · `}Roomlog`
    showIcon(unread > 0 ? unreadIcon : icon)
  }, [unread, name])
  useEffect(
    () => () => {
      document.title = 'Roomlog'
      showIcon(icon)
    },
    [],
  )
}

function showIcon(href: string): void {
  document.querySelector('link[rel=icon]')?.setAttribute('href', href)
}
