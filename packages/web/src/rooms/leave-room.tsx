import type { RoomFacts } from '@roomlog/client'
import { useState } from 'react'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { openRoom } from './selected-room.ts'

interface LeaveRoomProps {
  readonly room: RoomFacts
  readonly onLeft: () => void
}

export function LeaveRoom({ room, onLeft }: LeaveRoomProps) {
  const t = useTexts()
  const client = useClient()
  const [asks, setAsks] = useState(false)
  const leave = useAction(async () => {
    await client.room(room.id).leave()
    onLeft()
    openRoom(undefined)
  })
  return (
    <section className="panel-part">
      {asks ? (
        <>
          <p>{t.leaveQuestion(room.name)}</p>
          {room.visibility === 'private' && <p className="hint">{t.leavePrivateHint}</p>}
          <div className="row-buttons">
            <button
              type="button"
              className="button danger"
              disabled={leave.isRunning}
              onClick={() => void leave.run()}
            >
              {t.leaveRoom}
            </button>
            <button type="button" className="button" onClick={() => setAsks(false)}>
              {t.cancel}
            </button>
          </div>
        </>
      ) : (
        <button type="button" className="button quiet danger wide" onClick={() => setAsks(true)}>
          {t.leaveRoom}
        </button>
      )}
      <Problem error={leave.error} />
    </section>
  )
}
