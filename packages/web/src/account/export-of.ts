import type { RoomlogClient, SessionStore } from '@roomlog/client'

/**
 * All that is somebody's, as the api writes it: JSON lines, as many as there are. Not by a call of the client's, which
 * would have it be one value, and arrive within half a minute.
 */
export async function exportOf(client: RoomlogClient, store: SessionStore): Promise<Blob> {
  const userId = client.user.get()?.id
  if (userId === undefined) throw new Error('nobody is signed in')
  // An access token that has ended is replaced by this.
  await client.api.users([userId])
  const answer = await fetch('/users/me/export', {
    headers: { authorization: `Bearer ${store.get()?.accessToken}` },
    cache: 'no-store',
  })
  if (!answer.ok) throw new Error(`answered ${answer.status}`)
  return answer.blob()
}
