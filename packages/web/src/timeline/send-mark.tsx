import type { SendState } from '@roomlog/client'
import { AlertIcon, ClockIcon, TickIcon, TicksIcon } from '../look/icons.tsx'
import { useTexts } from '../text/use-texts.ts'

const MARKS = {
  queued: { icon: <ClockIcon />, name: 'queued' },
  accepted: { icon: <TickIcon />, name: 'accepted' },
  persisted: { icon: <TicksIcon />, name: 'stored' },
  rejected: { icon: <AlertIcon />, name: 'rejected' },
} as const

/** How far a message of one's own has come. */
export function SendMark({ state }: { readonly state: SendState }) {
  const t = useTexts()
  const { icon, name } = MARKS[state]
  return (
    <span className={`send-mark is-${name}`} role="img" aria-label={t.states[name]} title={t.states[name]}>
      {icon}
    </span>
  )
}
