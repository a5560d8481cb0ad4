import { type FormEvent, useRef, useState } from 'react'
import { Field } from '../look/field.tsx'
import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { useRosters } from './use-roster.ts'

export function Invite({ roomId }: { readonly roomId: string }) {
  const t = useTexts()
  const client = useClient()
  const rosters = useRosters()
  const form = useRef<HTMLFormElement>(null)
  const [invited, setInvited] = useState('')
  const invite = useAction(async (username: string) => {
    const member = await client.api.addMember(roomId, username)
    rosters.learn(roomId, member)
    setInvited(member.user.displayName)
    form.current?.reset()
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const username = String(new FormData(event.currentTarget).get('username')).trim()
    setInvited('')
    if (username !== '') void invite.run(username)
  }
  return (
    <form ref={form} onSubmit={submit} className="invite">
      <Field
        {...{ name: 'username', label: t.username, placeholder: t.inviteHint, maxLength: 32 }}
        {...{ autoComplete: 'off', autoCapitalize: 'none', spellCheck: false }}
      />
      <button type="submit" className="button" disabled={invite.isRunning}>
        {t.invite}
      </button>
      <Problem error={invite.error} />
      <p className="hint" aria-live="polite">
        {invited !== '' && t.invited(invited)}
      </p>
    </form>
  )
}
