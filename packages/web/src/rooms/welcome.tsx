import { useMe } from '../session/use-client.ts'
import { useTexts } from '../text/use-texts.ts'
import { FirstRoom } from './first-room.tsx'
import type { SidebarDialog } from './sidebar.tsx'

interface WelcomeProps {
  readonly hasRooms: boolean
  readonly isLoaded: boolean
  readonly onOpen: (dialog: SidebarDialog) => void
}

/** Where no room is open: says what to do next. */
export function Welcome({ hasRooms, isLoaded, onOpen }: WelcomeProps) {
  const t = useTexts()
  const me = useMe()
  return (
    <main className="place welcome">
      <h1>{hasRooms ? t.chooseRoom : t.welcome(me.displayName)}</h1>
      {(hasRooms || isLoaded) && <p>{hasRooms ? t.chooseRoomHint : t.firstStep}</p>}
      {!hasRooms && <FirstRoom onOpen={onOpen} />}
    </main>
  )
}
