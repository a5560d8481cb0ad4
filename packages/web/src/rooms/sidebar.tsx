import type { RoomFacts } from '@roomlog/client'
import { Avatar } from '../look/avatar.tsx'
import { PlusIcon, SearchIcon } from '../look/icons.tsx'
import { SecondPerson } from '../session/second-person.tsx'
import { useMe } from '../session/use-client.ts'
import { useTexts } from '../text/use-texts.ts'
import { RoomList } from './room-list.tsx'
import './sidebar.css'

export type SidebarDialog = 'newRoom' | 'findRooms' | 'account'

interface SidebarProps {
  readonly rooms: readonly RoomFacts[]
  readonly selected: string | undefined
  readonly isLoaded: boolean
  readonly onOpen: (dialog: SidebarDialog) => void
}

export function Sidebar({ rooms, selected, isLoaded, onOpen }: SidebarProps) {
  const t = useTexts()
  const me = useMe()
  return (
    <nav className="sidebar" aria-label={t.rooms}>
      <header className="bar">
        <h2 className="bar-title">{t.rooms}</h2>
        <button
          type="button"
          className="icon-button"
          aria-label={t.findRooms}
          title={t.findRooms}
          onClick={() => onOpen('findRooms')}
        >
          <SearchIcon />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={t.newRoom}
          title={t.newRoom}
          onClick={() => onOpen('newRoom')}
        >
          <PlusIcon />
        </button>
      </header>
      <div className="sidebar-rooms">
        <RoomList {...{ rooms, selected, isLoaded, onOpen }} />
      </div>
      <footer className="sidebar-foot">
        <SecondPerson />
        <div className="me">
          <Avatar id={me.id} name={me.displayName} />
          <span className="me-name" dir="auto">
            {me.displayName}
          </span>
          <button type="button" className="button quiet" onClick={() => onOpen('account')}>
            {t.account}
          </button>
        </div>
      </footer>
    </nav>
  )
}
