import { type FormEvent, useRef, useState } from 'react'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { isPassword } from '../session/account-checks.ts'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'

export function ChangePassword() {
  const t = useTexts()
  const client = useClient()
  const ref = useRef<HTMLFormElement>(null)
  const [problem, setProblem] = useState<string>()
  const [isDone, setIsDone] = useState(false)
  const change = useAction(async (current: string, next: string) => {
    await client.api.changePassword(current, next)
    ref.current?.reset()
    setIsDone(true)
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [current, next] = [String(form.get('current')), String(form.get('next'))]
    const found = isPassword(next) ? undefined : t.badPassword
    setProblem(found)
    setIsDone(false)
    if (found === undefined) void change.run(current, next)
  }
  return (
    <details>
      <summary>{t.changePassword}</summary>
      <form ref={ref} className="stack" onSubmit={submit} noValidate>
        <Field
          {...{ name: 'current', label: t.currentPassword, type: 'password', maxLength: 1024 }}
          autoComplete="current-password"
        />
        <Field
          {...{ name: 'next', label: t.newPassword, type: 'password', maxLength: 1024, hint: t.passwordHint }}
          {...{ autoComplete: 'new-password', problem }}
        />
        <Problem error={change.error} special={{ invalid_credentials: t.wrongPassword }} />
        <p aria-live="polite" className="hint">
          {isDone && t.passwordChanged}
        </p>
        <button type="submit" className="button" disabled={change.isRunning}>
          {t.changePassword}
        </button>
      </form>
    </details>
  )
}
