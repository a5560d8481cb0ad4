import { DownIcon, UpIcon } from '../look/icons.tsx'
import { useTexts } from '../text/use-texts.ts'

interface JumpButtonsProps {
  readonly unread: number
  readonly showsNewest: boolean
  readonly showsFirstUnread: boolean
  readonly onNewest: () => void
  readonly onFirstUnread: () => void
}

/** They lie over the list, so that nothing moves when they come. */
export function JumpButtons(props: JumpButtonsProps) {
  const { unread, showsNewest, showsFirstUnread, onNewest, onFirstUnread } = props
  const t = useTexts()
  return (
    <>
      {showsFirstUnread && (
        <button type="button" className="jump is-up" onClick={onFirstUnread}>
          <UpIcon />
          {t.jumpToFirstUnread}
        </button>
      )}
      {showsNewest && (
        <button type="button" className="jump is-down" onClick={onNewest}>
          <DownIcon />
          {t.jumpToNewest}
          {unread > 0 && <span className="badge">{unread > 99 ? '99+' : unread}</span>}
        </button>
      )}
    </>
  )
}
