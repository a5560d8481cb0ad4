import type { RoomFacts, Visibility } from '@roomlog/client'
import { type FormEvent, useState } from 'react'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { VisibilityField } from './visibility-field.tsx'

/** An owner's: the room's name, and who may join. */
export function RoomSettings({ room }: { readonly room: RoomFacts }) {
  const t = useTexts()
  const client = useClient()
  const [isDone, setIsDone] = useState(false)
  const save = useAction(async (name: string, visibility: Visibility) => {
    await client.room(room.id).update({ name, visibility })
    setIsDone(true)
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const name = String(form.get('name')).trim()
    setIsDone(false)
    if (name !== '') void save.run(name, form.get('visibility') as Visibility)
  }
  return (
    <details className="panel-part">
      <summary>{t.roomSettings}</summary>
      <form onSubmit={submit} className="stack">
        <Field
          {...{ name: 'name', label: t.roomName, defaultValue: room.name, maxLength: 100, required: true }}
        />
        <VisibilityField value={room.visibility} />
        <p className="hint" aria-live="polite">
          {isDone && t.saved}
        </p>
        <Problem error={save.error} />
        <button type="submit" className="button" disabled={save.isRunning}>
          {t.save}
        </button>
      </form>
    </details>
  )
}
