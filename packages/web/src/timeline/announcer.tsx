import type { Timeline } from '@roomlog/client'
import { useEffect, useState } from 'react'
import { useName } from '../people/use-name.ts'
import { useMe } from '../session/use-client.ts'

const MAX_SPOKEN = 200
/** More at once are not read out one by one. */
const MAX_AT_ONCE = 3

/**
 * Tells a screen reader what others say. The list itself must not: while it is scrolled, its parts come and go.
 */
export function Announcer({ timeline }: { readonly timeline: Timeline }) {
  const me = useMe()
  const nameOf = useName()
  const [spoken, setSpoken] = useState('')
  useEffect(
    () =>
      timeline.on('messages', (messages) => {
        const others = messages.filter(({ senderId }) => senderId !== me.id)
        if (others.length === 0 || others.length > MAX_AT_ONCE || !timeline.snapshot.get().isLive) return
        setSpoken(
          others.map(({ senderId, body }) => `${nameOf(senderId)}: ${body.slice(0, MAX_SPOKEN)}`).join('\n'),
        )
      }),
    [timeline, me.id, nameOf],
  )
  return (
    <div className="sr-only" aria-live="polite" data-testid="announcer">
      {spoken}
    </div>
  )
}
