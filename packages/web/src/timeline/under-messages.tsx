import type { RoomFacts, Timeline } from '@roomlog/client'
import { memberCountOf, readersOf } from '../people/roster.ts'
import { useName } from '../people/use-name.ts'
import { useRoster } from '../people/use-roster.ts'
import { useClient, useMe } from '../session/use-client.ts'
import { useValue } from '../state/use-value.ts'
import type { Texts } from '../text/en.ts'
import { useTexts } from '../text/use-texts.ts'

const MAX_NAMED = 3

interface UnderMessagesProps {
  readonly room: RoomFacts
  readonly timeline: Timeline
  readonly onInvite: () => void
}

/**
 * Who types; else who has read one's own latest message; to who is alone, what to do about it. The line is there in any
 * case, so that nothing jumps.
 */
export function UnderMessages({ room, timeline, onInvite }: UnderMessagesProps) {
  const t = useTexts()
  const me = useMe()
  const client = useClient()
  const nameOf = useName()
  const typing = useValue(client.room(room.id).typing).map(nameOf)
  const roster = useRoster(room.id)
  const { messages, sends, hasNewer } = useValue(timeline.snapshot)
  const last = messages.at(-1)
  const isMine = last?.senderId === me.id && sends.length === 0 && !hasNewer
  const readers = isMine ? readersOf(roster, last.seq, me.id).map(({ user }) => user.displayName) : []
  const isAlone = messages.length > 0 && memberCountOf(roster, room.memberCount) <= 1
  return (
    <div className="under-messages">
      {typing.length > 0 ? (
        <span className="typing">
          <span className="typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {typing.length > MAX_NAMED ? t.manyTyping : t.typing(typing)}
        </span>
      ) : readers.length > 0 ? (
        <span data-testid="read-by">{t.readBy(named(t, readers))}</span>
      ) : (
        isAlone && (
          <span>
            {t.aloneHint}{' '}
            <button type="button" className="text-button" onClick={onInvite}>
              {t.inviteSomebody}
            </button>
          </span>
        )
      )}
    </div>
  )
}

function named(t: Texts, names: readonly string[]): readonly string[] {
  if (names.length <= MAX_NAMED) return names
  return [...names.slice(0, MAX_NAMED - 1), t.others(names.length - MAX_NAMED + 1)]
}
