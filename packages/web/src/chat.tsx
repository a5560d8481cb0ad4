import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import { ConnectionBanner } from './connection/connection-banner.tsx'
import { Rosters } from './people/rosters.ts'
import { RostersContext } from './people/use-roster.ts'
import { neighbour, sortedRooms } from './rooms/room-order.ts'
import { RoomPane } from './rooms/room-pane.tsx'
import { openRoom } from './rooms/selected-room.ts'
import { Sidebar, type SidebarDialog } from './rooms/sidebar.tsx'
import { StrangeRoom } from './rooms/strange-room.tsx'
import { useRoomsLoaded } from './rooms/use-rooms-loaded.ts'
import { useSelectedRoom } from './rooms/use-selected-room.ts'
import { useUnreadTitle } from './rooms/use-unread-title.ts'
import { Welcome } from './rooms/welcome.tsx'
import { useClient } from './session/use-client.ts'
import { useValue } from './state/use-value.ts'
import { Timelines } from './timeline/timelines.ts'
import './look/chat.css'

const NewRoom = lazy(() => import('./rooms/new-room.tsx'))
const FindRooms = lazy(() => import('./rooms/find-rooms.tsx'))
const Account = lazy(() => import('./account/account.tsx'))
const DIALOGS = { newRoom: NewRoom, findRooms: FindRooms, account: Account }

export function Chat() {
  const client = useClient()
  const list = useValue(client.rooms)
  const rooms = useMemo(() => sortedRooms(list.values()), [list])
  const isLoaded = useRoomsLoaded()
  const selected = useSelectedRoom()
  const room = selected === undefined ? undefined : list.get(selected)
  const [dialog, setDialog] = useState<SidebarDialog>()
  const [rosters] = useState(() => new Rosters(client))
  const [timelines] = useState(() => new Timelines(client))
  useUnreadTitle(rooms, room)
  useEffect(() => rosters.start(), [rosters])
  const opened = useOpened(room?.id)

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const step = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : undefined
      if (!event.altKey || event.ctrlKey || event.metaKey || step === undefined) return
      if (document.querySelector('dialog[open]') !== null) return
      event.preventDefault()
      const next = neighbour(rooms, selected, step)
      if (next !== undefined) openRoom(next)
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [rooms, selected])

  const Shown = dialog === undefined ? undefined : DIALOGS[dialog]
  return (
    <RostersContext value={rosters}>
      <div className={selected === undefined ? 'chat shows-list' : 'chat shows-room'}>
        <Sidebar {...{ rooms, selected, isLoaded, onOpen: setDialog }} />
        {room !== undefined ? (
          <RoomPane key={room.id} room={room} timelines={timelines} />
        ) : selected !== undefined ? (
          <StrangeRoom key={selected} roomId={selected} isLoaded={isLoaded} wasMember={opened === selected} />
        ) : (
          <Welcome hasRooms={rooms.length > 0} isLoaded={isLoaded} onOpen={setDialog} />
        )}
        <ConnectionBanner />
        <Suspense fallback={null}>{Shown && <Shown onClose={() => setDialog(undefined)} />}</Suspense>
      </div>
    </RostersContext>
  )
}

/** The room that was open last, also when it is one of this user's no more. */
function useOpened(roomId: string | undefined): string | undefined {
  const [opened, setOpened] = useState(roomId)
  if (roomId !== undefined && roomId !== opened) setOpened(roomId)
  return roomId ?? opened
}
