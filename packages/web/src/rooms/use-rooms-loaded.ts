import { useEffect, useState } from 'react'
import { useClient } from '../session/use-client.ts'

/** Whether the api has said which rooms there are; an empty list alone does not tell. */
export function useRoomsLoaded(): boolean {
  const client = useClient()
  const [isLoaded, setIsLoaded] = useState(false)
  useEffect(() => client.rooms.subscribe(() => setIsLoaded(true)), [client])
  return isLoaded
}
