import type { TimelineSnapshot } from '@roomlog/client'
import { useMemo, useState } from 'react'
import type { ReadLine } from './read-line.ts'
import { type Row, rowsOf, withSame } from './rows.ts'

/** The rows of a snapshot; those that did not change are the objects they were. */
export function useRows(snapshot: TimelineSnapshot, me: string, line: ReadLine): readonly Row[] {
  const { messages, sends } = snapshot
  const fresh = useMemo(() => rowsOf(messages, sends, { me, readUpTo: line }), [messages, sends, me, line])
  const [kept, setKept] = useState({ fresh, rows: fresh })
  if (kept.fresh === fresh) return kept.rows
  const rows = withSame(kept.rows, fresh)
  setKept({ fresh, rows })
  return rows
}
