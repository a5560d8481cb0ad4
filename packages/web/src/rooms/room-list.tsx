import type { RoomFacts } from '@roomlog/client'
import { type KeyboardEvent, useRef } from 'react'
import { useClient } from '../session/use-client.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'
import { FirstRoom } from './first-room.tsx'
import { RoomListItem } from './room-list-item.tsx'
import type { SidebarDialog } from './sidebar.tsx'
import './room-list.css'

/** Whose people are looked up: those in sight, more or less. */
const WITH_PRESENCE = 15

interface RoomListProps {
  readonly rooms: readonly RoomFacts[]
  readonly selected: string | undefined
  readonly isLoaded: boolean
  readonly onOpen: (dialog: SidebarDialog) => void
}

/** Up and Down move within the list; Tab leaves it. */
export function RoomList({ rooms, selected, isLoaded, onOpen }: RoomListProps) {
  const t = useTexts()
  const client = useClient()
  const { status } = useValue(client.connection)
  const ref = useRef<HTMLUListElement>(null)
  const entry = rooms.some(({ id }) => id === selected) ? selected : rooms[0]?.id

  const move = (event: KeyboardEvent) => {
    const links = [...(ref.current?.querySelectorAll('a') ?? [])]
    const at = links.indexOf(document.activeElement as HTMLAnchorElement)
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: links.length - 1 }[event.key]
    if (to === undefined || at < 0 || event.altKey) return
    event.preventDefault()
    links[Math.max(0, Math.min(links.length - 1, to))]?.focus()
  }

  if (rooms.length === 0)
    return (
      <div className="room-list-note">
        <p>{isLoaded ? t.noRooms : status === 'waiting' ? t.errors.network : t.loadingRooms}</p>
        {isLoaded && (
          <div className="narrow-steps">
            <p>{t.firstStep}</p>
            <FirstRoom onOpen={onOpen} />
          </div>
        )}
      </div>
    )
  return (
    <ul className="room-list" ref={ref} onKeyDown={move}>
      {rooms.map((room, index) => (
        <RoomListItem
          key={room.id}
          {...{ room, isSelected: room.id === selected, isEntry: room.id === entry }}
          showsPresence={index < WITH_PRESENCE}
        />
      ))}
    </ul>
  )
}
