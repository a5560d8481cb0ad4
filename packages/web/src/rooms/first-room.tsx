import { useTexts } from '../text/use-texts.ts'
import type { SidebarDialog } from './sidebar.tsx'

/** The two ways to a first room. */
export function FirstRoom({ onOpen }: { readonly onOpen: (dialog: SidebarDialog) => void }) {
  const t = useTexts()
  return (
    <div className="place-buttons">
      <button type="button" className="button primary" onClick={() => onOpen('newRoom')}>
        {t.newRoom}
      </button>
      <button type="button" className="button" onClick={() => onOpen('findRooms')}>
        {t.findRooms}
      </button>
    </div>
  )
}
