import type { Message, Send } from '@roomlog/client'
import { describe, expect, test } from 'vitest'
import { rowsOf, withSame } from './rows.ts'

const AT = new Date(2026, 4, 6, 10, 0)

function said(seq: number, senderId: string, minutes: number): Message {
  const createdAt = new Date(AT.getTime() + minutes * 60_000).toISOString()
  return {
    id: `${seq}`,
    roomId: 'r',
    seq,
    kind: 'message',
    senderId,
    clientMsgId: `m${seq}`,
    body: `${seq}`,
    createdAt,
  }
}

function sent(clientMsgId: string, minutes: number): Send {
  const createdAt = new Date(AT.getTime() + minutes * 60_000).toISOString()
  return { clientMsgId, roomId: 'r', body: 'x', createdAt, state: 'queued', attempts: 0 }
}

const all = { me: 'ada', readUpTo: undefined }
const marks = (rows: ReturnType<typeof rowsOf>) =>
  rows.map((it) => (it.beginsDay ? 'd' : '') + (it.beginsUnread ? 'u' : '') + (it.beginsGroup ? 'g' : ''))

describe('messages are grouped', () => {
  test('by sender, and where five minutes lie between', () => {
    const messages = [said(1, 'ada', 0), said(2, 'ada', 5), said(3, 'grace', 5), said(4, 'grace', 11)]
    expect(marks(rowsOf(messages, [], all))).toEqual(['dg', '', 'g', 'g'])
  })

  test('anew each ten minutes while one goes on, the same for whoever reads back', () => {
    const messages = Array.from({ length: 30 }, (_, index) => said(index + 1, 'ada', index))
    const seqs = (from: number) =>
      rowsOf(messages.slice(from), [], all)
        .slice(1)
        .flatMap(({ beginsGroup, seq }) => (beginsGroup ? [seq] : []))
    expect([seqs(0), seqs(3)]).toEqual([
      [11, 21],
      [11, 21],
    ])
  })

  test('by local day, also within a group', () => {
    const midnight = 14 * 60
    const messages = [said(1, 'ada', midnight - 1), said(2, 'ada', midnight + 1)]
    expect(marks(rowsOf(messages, [], all))).toEqual(['dg', 'dg'])
  })

  test('with what is on its way behind the messages', () => {
    const rows = rowsOf([said(1, 'ada', 0)], [sent('a', 1), sent('b', 2)], all)
    expect(marks(rows)).toEqual(['dg', '', ''])
    expect(rows.map(({ seq, send }) => [seq, send?.state])).toEqual([
      [1, undefined],
      [undefined, 'queued'],
      [undefined, 'queued'],
    ])
  })
})

describe('the line of what is new', () => {
  const messages = [said(1, 'grace', 0), said(2, 'ada', 1), said(3, 'grace', 2), said(4, 'grace', 3)]

  test('stands over the first one of others that was not read', () => {
    expect(marks(rowsOf(messages, [], { me: 'ada', readUpTo: 1 }))).toEqual(['dg', 'g', 'ug', ''])
    expect(marks(rowsOf(messages, [], { me: 'ada', readUpTo: 3 }))).toEqual(['dg', 'g', 'g', 'ug'])
  })

  test('stands nowhere when the first one that was not read is not held', () => {
    const marked = (readUpTo: number) =>
      rowsOf(messages.slice(2), [], { me: 'ada', readUpTo }).some(({ beginsUnread }) => beginsUnread)
    expect([marked(1), marked(2)]).toEqual([false, true])
  })

  test('stands nowhere when all was read, or only what is on its way follows', () => {
    const rows = rowsOf(messages, [sent('a', 4)], { me: 'ada', readUpTo: 4 })
    expect(rows.some(({ beginsUnread }) => beginsUnread)).toBe(false)
  })
})

test('a message has the key that it was sent with', () => {
  const onItsWay = rowsOf([], [sent('m7', 0)], all)
  const stored = rowsOf([said(7, 'ada', 0)], [], all)
  expect(stored[0]?.key).toBe(onItsWay[0]?.key)
})

test('rows that did not change stay the objects they were', () => {
  const before = rowsOf([said(1, 'ada', 0), said(2, 'ada', 1)], [], all)
  const after = withSame(before, rowsOf([said(1, 'ada', 0), said(2, 'ada', 1), said(3, 'ada', 2)], [], all))
  expect([after[0] === before[0], after[1] === before[1], after.length]).toEqual([true, true, 3])
  expect(withSame(before, rowsOf([said(1, 'ada', 0), said(2, 'ada', 1)], [], all))).toBe(before)
  const older = withSame(before, rowsOf([said(0, 'ada', 0), said(1, 'ada', 0), said(2, 'ada', 1)], [], all))
  expect([older[1] === before[0], older[2] === before[1]]).toEqual([false, true])
})
