import type { RoomlogClient, SessionStore, User } from '@roomlog/client'
import { createContext, useContext } from 'react'
import { useValue } from '../state/use-value.ts'

export const ClientContext = createContext<RoomlogClient | undefined>(undefined)
/** Where the client's session is kept. */
export const SessionStoreContext = createContext<SessionStore | undefined>(undefined)

export function useClient(): RoomlogClient {
  const client = useContext(ClientContext)
  if (client === undefined) throw new Error('there is no client around')
  return client
}

/** Who is signed in, under their latest name. */
export function useMe(): User {
  const client = useClient()
  const user = useValue(client.user)
  const known = useValue(client.users)
  // Between signing out and the sign-in page something may still be drawn.
  return (user && known.get(user.id)) ?? user ?? { id: '', username: '', displayName: '', createdAt: '' }
}
