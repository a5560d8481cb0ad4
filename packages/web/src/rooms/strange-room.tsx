import { BackIcon } from '../look/icons.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'
import { hashOf } from './selected-room.ts'

interface StrangeRoomProps {
  readonly roomId: string
  readonly isLoaded: boolean
  /** It was open a moment ago. */
  readonly wasMember: boolean
}

/** An address of a room that this user is not in: never was, or is no more. */
export function StrangeRoom({ roomId, isLoaded, wasMember }: StrangeRoomProps) {
  const t = useTexts()
  const client = useClient()
  const { status } = useValue(client.connection)
  const join = useAction(async () => void (await client.joinRoom(roomId)))
  if (!isLoaded)
    return (
      <main className="place" aria-busy="true">
        <p>{status === 'waiting' ? t.waitingForMessages : t.loading}</p>
      </main>
    )
  return (
    <main className="place">
      <a className="back-link" href={hashOf(undefined)}>
        <BackIcon /> {t.backToRooms}
      </a>
      <h1>{wasMember ? t.removedFrom : t.notMember}</h1>
      <p>{t.notMemberHint}</p>
      <Problem error={join.error} special={{ forbidden: t.removedByOwner }} />
      <button
        type="button"
        className="button primary"
        disabled={join.isRunning}
        onClick={() => void join.run()}
      >
        {t.join}
      </button>
    </main>
  )
}
