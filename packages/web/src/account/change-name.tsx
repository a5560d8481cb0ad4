import type { FormEvent } from 'react'
import { useState } from 'react'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'

export function ChangeName({ name }: { readonly name: string }) {
  const t = useTexts()
  const client = useClient()
  const [isMissing, setIsMissing] = useState(false)
  const [isDone, setIsDone] = useState(false)
  const change = useAction(async (displayName: string) => {
    const { id } = await client.api.updateMe({ displayName })
    // With this answer the client knows the new name everywhere.
    await client.api.users([id])
    setIsDone(true)
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const displayName = String(new FormData(event.currentTarget).get('displayName')).trim()
    setIsMissing(displayName === '')
    setIsDone(false)
    if (displayName !== '') void change.run(displayName)
  }
  return (
    <form className="line-form" onSubmit={submit} noValidate>
      <Field
        {...{ name: 'displayName', label: t.displayName, defaultValue: name, maxLength: 64 }}
        {...{ autoComplete: 'nickname', problem: isMissing ? t.missing : undefined }}
      />
      <button type="submit" className="button" disabled={change.isRunning}>
        {t.save}
      </button>
      <p className="hint" aria-live="polite">
        {isDone && t.saved}
      </p>
      <Problem error={change.error} />
    </form>
  )
}
