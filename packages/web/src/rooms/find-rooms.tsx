import { useState } from 'react'
import { Avatar } from '../look/avatar.tsx'
import { Dialog } from '../look/dialog.tsx'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'
import { openRoom } from './selected-room.ts'
import { usePublicRooms } from './use-public-rooms.ts'
import './find-rooms.css'

// biome-ignore lint/style/noDefaultExport: it is loaded when it is first opened
export default function FindRooms({ onClose }: { readonly onClose: () => void }) {
  const t = useTexts()
  const client = useClient()
  const mine = useValue(client.rooms)
  const [search, setSearch] = useState('')
  const { rooms, hasMore, isLoading, error, more } = usePublicRooms(search.trim())
  const join = useAction(async (roomId: string) => {
    if (!mine.has(roomId)) await client.joinRoom(roomId)
    onClose()
    openRoom(roomId)
  })
  const problem = join.error ?? error
  return (
    <Dialog title={t.findRooms} onClose={onClose}>
      <Field
        {...{
          label: t.searchRooms,
          placeholder: t.searchHint,
          maxLength: 100,
          value: search,
        }}
        {...{
          onChange: (event) => setSearch(event.currentTarget.value),
          'data-first': true,
          autoComplete: 'off',
        }}
      />
      <Problem error={problem} special={{ forbidden: t.removedByOwner }} />
      <ul className="found-rooms" aria-busy={isLoading}>
        {rooms.map(({ id, name, memberCount }) => (
          <li key={id} className="found-room">
            <Avatar id={id} name={name} isRoom />
            <span className="found-name" id={`found-${id}`}>
              {name}
              <span className="hint">{t.members(memberCount)}</span>
            </span>
            <button
              type="button"
              className="button small"
              aria-describedby={`found-${id}`}
              disabled={join.isRunning}
              onClick={() => void join.run(id)}
            >
              {mine.has(id) ? t.open : t.join}
            </button>
          </li>
        ))}
      </ul>
      {rooms.length === 0 && error === undefined && (
        <p className="hint found-none">
          {isLoading ? t.loading : search.trim() === '' ? t.noPublicRooms : t.noRoomsFound}
        </p>
      )}
      {(hasMore || error !== undefined) && (
        <button type="button" className="button quiet wide" disabled={isLoading} onClick={more}>
          {error === undefined ? t.showMore : t.tryAgain}
        </button>
      )}
    </Dialog>
  )
}
