import type { Visibility } from '@roomlog/client'
import { type FormEvent, useState } from 'react'
import { Dialog } from '../look/dialog.tsx'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { openRoom } from './selected-room.ts'
import { VisibilityField } from './visibility-field.tsx'

// biome-ignore lint/style/noDefaultExport: it is loaded when it is first opened
export default function NewRoom({ onClose }: { readonly onClose: () => void }) {
  const t = useTexts()
  const client = useClient()
  const [isMissing, setIsMissing] = useState(false)
  const create = useAction(async (name: string, visibility: Visibility) => {
    const room = await client.createRoom({ name, visibility })
    onClose()
    openRoom(room.id)
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const name = String(form.get('name')).trim()
    setIsMissing(name === '')
    if (name !== '') void create.run(name, form.get('visibility') as Visibility)
  }
  return (
    <Dialog title={t.newRoom} onClose={onClose}>
      <form className="stack" onSubmit={submit} noValidate>
        <Field
          {...{ name: 'name', label: t.roomName, maxLength: 100, autoComplete: 'off', 'data-first': true }}
          problem={isMissing ? t.missing : undefined}
        />
        <VisibilityField value="public" />
        <Problem error={create.error} />
        <div className="row-buttons is-end">
          <button type="button" className="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" className="button primary" disabled={create.isRunning}>
            {t.create}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
