import type { FormEvent } from 'react'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useLeave } from '../session/use-leave.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'

export function DeleteAccount() {
  const t = useTexts()
  const client = useClient()
  const leave = useLeave()
  const remove = useAction(async (password: string) => {
    await client.api.deleteMe(password)
    await leave()
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    void remove.run(String(new FormData(event.currentTarget).get('password')))
  }
  return (
    <details>
      <summary className="danger-text">{t.deleteAccount}</summary>
      <form className="stack" onSubmit={submit}>
        <p className="hint">{t.deleteHint}</p>
        <Field
          {...{ name: 'password', label: t.password, type: 'password', maxLength: 1024, required: true }}
          autoComplete="current-password"
        />
        <Problem error={remove.error} special={{ invalid_credentials: t.wrongPassword }} />
        <button type="submit" className="button danger" disabled={remove.isRunning}>
          {t.deleteForGood}
        </button>
      </form>
    </details>
  )
}
