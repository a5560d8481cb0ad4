import type { RoomFacts } from '@roomlog/client'
import { memberCountOf } from '../people/roster.ts'
import { useRoster } from '../people/use-roster.ts'
import { SecondPerson } from '../session/second-person.tsx'
import { useTexts } from '../text/use-texts.ts'

interface EmptyRoomProps {
  readonly room: RoomFacts
  readonly onInvite: () => void
}

/** A room where nothing was said: says what to do next. */
export function EmptyRoom({ room, onInvite }: EmptyRoomProps) {
  const t = useTexts()
  const isAlone = memberCountOf(useRoster(room.id), room.memberCount) <= 1
  return (
    <div className="empty-room">
      <h2>{t.emptyRoom}</h2>
      <p>{isAlone ? `${t.aloneHint} ${t.emptyRoomHint}` : t.emptyRoomHint}</p>
      {isAlone && (
        <>
          <button type="button" className="button" onClick={onInvite}>
            {t.inviteSomebody}
          </button>
          <SecondPerson hasHint />
        </>
      )}
    </div>
  )
}
