import { useCallback } from 'react'
import { useClient } from '../session/use-client.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'

/** What somebody is called, by their id; a stand-in until it is known. */
export function useName(): (userId: string) => string {
  const t = useTexts()
  const client = useClient()
  const known = useValue(client.users)
  return useCallback(
    (userId) => known.get(userId)?.displayName ?? client.userOf(userId)?.displayName ?? t.unknownUser,
    [known, client, t],
  )
}
