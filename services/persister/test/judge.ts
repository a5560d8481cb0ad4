import type { JudgedRow, NewRow } from '../src/batch/store-sql.ts'

/** A stored message, as far as judging goes. */
export interface StoredRow extends NewRow {
  readonly seq: number
}

/** A room as a statement sees it; `rows` from seq 1 on. */
export interface RoomSnapshot {
  readonly lastSeq: number
  readonly rows: readonly StoredRow[]
}

export type Judgement = Omit<JudgedRow, 'epoch'>

/**
 * What the storing statement answers for these rows, and what it would insert, as a function: the models
 * judge by it, and a suite on PostgreSQL holds the statement to it.
 */
export function judge(
  rooms: ReadonlyMap<string, RoomSnapshot>,
  rows: readonly NewRow[],
): { readonly judgements: readonly Judgement[]; readonly inserts: readonly StoredRow[] } {
  const inserts: StoredRow[] = []
  const judgements = rows.map((row): Judgement => {
    const room = rooms.get(row.roomId)
    if (room === undefined) return judgement('no_room', { ...row, seq: 0 })
    const stored = room.rows.find((it) => isNamesake(it, row))
    const first = stored ?? inserts.find((it) => isNamesake(it, row))
    if (first === undefined) {
      const seq = room.lastSeq + inserts.filter(({ roomId }) => roomId === row.roomId).length + 1
      const insert = { ...row, seq }
      inserts.push(insert)
      return judgement('stored', insert)
    }
    if (first.body !== row.body) return judgement('reused', first)
    const isSameRecord =
      stored?.sourcePartition === row.sourcePartition && stored.sourceOffset === row.sourceOffset
    return judgement(isSameRecord ? 'redelivered' : 'duplicate', first)
  })
  return { judgements, inserts }
}

/** What the unique key spans. */
export function isNamesake(a: NewRow, b: NewRow): boolean {
  return a.clientMsgId === b.clientMsgId && a.senderId === b.senderId && a.roomId === b.roomId
}

function judgement(status: Judgement['status'], row: NewRow & { readonly seq: number }): Judgement {
  return { status, id: row.id, seq: row.seq, createdAt: new Date(row.createdAt) }
}
