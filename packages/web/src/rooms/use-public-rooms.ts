import type { PublicRoom } from '@roomlog/client'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useClient } from '../session/use-client.ts'

/** Who types on is not answered in between. */
const PAUSE_MS = 200

interface Found {
  readonly rooms: readonly PublicRoom[]
  readonly nextCursor: string | null
  readonly isLoading: boolean
  readonly error: unknown
}

const NOTHING: Found = { rooms: [], nextCursor: null, isLoading: true, error: undefined }

/** Public rooms whose names begin so, a page at a time. */
export function usePublicRooms(search: string) {
  const client = useClient()
  const [found, setFound] = useState(NOTHING)
  // What was asked before is not for what is asked now.
  const asked = useRef<object>(undefined)

  const read = useCallback(
    async (before: Found) => {
      const question = {}
      asked.current = question
      setFound({ ...before, isLoading: true, error: undefined })
      try {
        const page = await client.api.publicRooms(search, { cursor: before.nextCursor ?? undefined })
        if (asked.current !== question) return
        const rooms = [...before.rooms, ...page.rooms]
        setFound({ rooms, nextCursor: page.nextCursor, isLoading: false, error: undefined })
      } catch (error) {
        if (asked.current === question) setFound({ ...before, isLoading: false, error })
      }
    },
    [client, search],
  )

  useEffect(() => {
    const timer = setTimeout(() => void read(NOTHING), search === '' ? 0 : PAUSE_MS)
    return () => clearTimeout(timer)
  }, [read, search])

  const { rooms, nextCursor, isLoading, error } = found
  return { rooms, isLoading, error, hasMore: nextCursor !== null, more: () => void read(found) }
}
