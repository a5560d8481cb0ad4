import { type FormEvent, useState } from 'react'
import { LanguageChoice } from '../account/language-choice.tsx'
import { Field } from '../look/field.tsx'
import { Logo } from '../look/logo.tsx'
import { Problem } from '../look/problem.tsx'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { isPassword, isUsername } from './account-checks.ts'
import { useClient } from './use-client.ts'
import '../look/sign-in.css'

interface SignInProps {
  /** The session ended by itself. */
  readonly hasEnded: boolean
  readonly isSecondPerson: boolean
}

export function SignIn({ hasEnded, isSecondPerson }: SignInProps) {
  const t = useTexts()
  const client = useClient()
  const [isNew, setIsNew] = useState(!hasEnded)
  const [problems, setProblems] = useState<Readonly<Record<string, string>>>({})
  const signIn = useAction(async (form: FormData) => {
    const { username, password, displayName } = Object.fromEntries(form) as Readonly<Record<string, string>>
    const account = { username: username?.trim() ?? '', password: password ?? '' }
    const name = displayName?.trim()
    if (isNew) await client.register({ ...account, ...(name && { displayName: name }) })
    else await client.login(account)
  })

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const username = String(form.get('username')).trim()
    const password = String(form.get('password'))
    const found: Record<string, string> = {}
    if (username === '') found.username = t.missing
    else if (isNew && !isUsername(username)) found.username = t.badUsername
    if (password === '') found.password = t.missing
    else if (isNew && !isPassword(password)) found.password = t.badPassword
    setProblems(found)
    const first = Object.keys(found)[0]
    if (first === undefined) void signIn.run(form)
    else (event.currentTarget.elements.namedItem(first) as HTMLElement | null)?.focus()
  }

  const swap = () => {
    setIsNew(!isNew)
    setProblems({})
    signIn.clear()
  }

  return (
    <main className="sign-in">
      <header className="sign-in-head">
        <Logo />
        <h1>Roomlog</h1>
        <p>{t.tagline}</p>
      </header>
      <form className="card sign-in-card" onSubmit={submit} noValidate>
        {hasEnded && <p className="note">{t.sessionEnded}</p>}
        {isSecondPerson && <p className="note">{t.secondPerson}</p>}
        <Field
          {...{ name: 'username', label: t.username, problem: problems.username, autoComplete: 'username' }}
          {...{ maxLength: 64, autoCapitalize: 'none', spellCheck: false, autoFocus: true }}
          hint={isNew ? t.usernameHint : undefined}
        />
        {isNew && (
          <Field
            {...{
              name: 'displayName',
              label: t.name,
              hint: t.nameHint,
              maxLength: 64,
              autoComplete: 'nickname',
            }}
          />
        )}
        <Field
          {...{ name: 'password', label: t.password, type: 'password', problem: problems.password }}
          {...{ maxLength: 1024, autoComplete: isNew ? 'new-password' : 'current-password' }}
          hint={isNew ? t.passwordHint : undefined}
        />
        <Problem error={signIn.error} />
        <button className="button primary wide" type="submit" disabled={signIn.isRunning}>
          {isNew ? t.createAccount : t.logIn}
        </button>
        <button className="button quiet wide" type="button" onClick={swap}>
          {isNew ? t.haveAccount : t.needAccount}
        </button>
      </form>
      <footer className="sign-in-foot">
        <LanguageChoice />
      </footer>
    </main>
  )
}
