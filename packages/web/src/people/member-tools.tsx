import type { Member } from '@roomlog/client'
import { useState } from 'react'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { useRosters } from './use-roster.ts'

interface MemberToolsProps {
  readonly member: Member
  readonly roomId: string
  readonly onDone: () => void
}

/** What an owner may do about somebody else. */
export function MemberTools({ member, roomId, onDone }: MemberToolsProps) {
  const t = useTexts()
  const client = useClient()
  const rosters = useRosters()
  const { user, role } = member
  const [asksRemoval, setAsksRemoval] = useState(false)
  const act = useAction(async (what: 'role' | 'remove') => {
    if (what === 'role') {
      rosters.learn(
        roomId,
        await client.api.changeRole(roomId, user.id, role === 'owner' ? 'member' : 'owner'),
      )
    } else {
      await client.api.removeMember(roomId, user.id)
      rosters.forget(roomId, user.id)
    }
    onDone()
  })
  const isBusy = act.isRunning
  return (
    <div className="member-tools">
      {asksRemoval ? (
        <>
          <p>{t.removeQuestion(user.displayName)}</p>
          <button
            type="button"
            className="button small danger"
            disabled={isBusy}
            onClick={() => void act.run('remove')}
          >
            {t.remove}
          </button>
          <button type="button" className="button small" onClick={() => setAsksRemoval(false)}>
            {t.cancel}
          </button>
        </>
      ) : (
        <>
          <button
            type="button"
            className="button small"
            disabled={isBusy}
            onClick={() => void act.run('role')}
          >
            {role === 'owner' ? t.makeMember : t.makeOwner}
          </button>
          <button type="button" className="button small danger" onClick={() => setAsksRemoval(true)}>
            {t.remove}
          </button>
        </>
      )}
      <Problem error={act.error} />
    </div>
  )
}
