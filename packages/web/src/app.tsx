import { RoomlogError } from '@roomlog/client'
import { useEffect, useState } from 'react'
import { Chat } from './chat.tsx'
import { forgetDrafts } from './composer/drafts.ts'
import { SignIn } from './session/sign-in.tsx'
import { useClient } from './session/use-client.ts'
import { LeaveContext } from './session/use-leave.ts'
import { useValue } from './state/use-value.ts'

export function App({ isSecondPerson }: { readonly isSecondPerson: boolean }) {
  const client = useClient()
  const user = useValue(client.user)
  const [isLeaving, setIsLeaving] = useState(false)
  // Somebody was signed in, and did not sign out here.
  const [wasSignedIn, setWasSignedIn] = useState(false)
  const userId = user?.id

  useEffect(() => {
    if (userId === undefined) return
    setWasSignedIn(true)
    setIsLeaving(false)
    try {
      client.connect()
    } catch (error) {
      // Another tab has signed out just now; `user` says so, and this is drawn anew.
      if (!(error instanceof RoomlogError && error.code === 'signed_out')) throw error
    }
    return () => client.disconnect()
  }, [client, userId])

  const leave = async () => {
    setIsLeaving(true)
    if (userId !== undefined) forgetDrafts(userId)
    // Here it is ended whatever happens; a session that the api was not told of ends by itself.
    await client.logout().catch(() => undefined)
  }

  if (userId === undefined)
    return <SignIn hasEnded={wasSignedIn && !isLeaving} isSecondPerson={isSecondPerson} />
  return (
    <LeaveContext value={leave}>
      <Chat key={userId} />
    </LeaveContext>
  )
}
