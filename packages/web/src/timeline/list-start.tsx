import type { RoomFacts } from '@roomlog/client'
import { useTexts } from '../text/use-texts.ts'

interface ListStartProps {
  readonly room: RoomFacts
  readonly hasOlder: boolean
  readonly hasFailed: boolean
  readonly onRetry: () => void
}

/** Over the first message: that older ones come, or that this is the beginning. Always of the same height. */
export function ListStart({ room, hasOlder, hasFailed, onRetry }: ListStartProps) {
  const t = useTexts()
  return (
    <div className="list-start">
      {!hasOlder ? (
        <p>{t.roomStart(room.name)}</p>
      ) : hasFailed ? (
        <p>
          {t.olderFailed}{' '}
          <button type="button" className="button small" onClick={onRetry}>
            {t.tryAgain}
          </button>
        </p>
      ) : (
        <p className="faint">{t.loading}</p>
      )}
    </div>
  )
}
