import type { Database } from '@roomlog/db'
import type { TimedRecord } from '@roomlog/event-log'
import { HEADERS } from '@roomlog/events'
import { expect, test } from 'vitest'
import { readerWith } from '../test/log-reader.ts'
import { PublishedPass } from './published.ts'
import { Places } from './seq-ranges.ts'

/** Gives of one partition these offsets of those that it is asked for, each with the message of the next seq, in such pages. */
async function passOver(...pages: readonly (readonly number[])[]): Promise<PublishedPass> {
  const records = (page: readonly number[]): readonly TimedRecord[] =>
    page.map((offset) => ({
      key: 'room',
      headers: { [HEADERS.seq]: String(offset + 1) },
      value: null,
      offset: BigInt(offset),
      at: new Date(0),
    }))
  const reader = readerWith({
    read: async (_, { onRecords }) => {
      for (const page of pages) await onRecords(0, records(page))
    },
  })
  const audited = new Places()
  for (let seq = 1; seq <= 10; seq += 1) audited.add('room', seq)
  // All that is published belongs to audited records: the database is not asked.
  const db = {} as Database['db']
  const pass = new PublishedPass({ reader, db, audited, auditedTo: new Map() })
  await pass.run(new Map([[0, { from: 2n, end: 6n }]]))
  return pass
}

test('what was removed while it was read is noticed, wherever it stood', async () => {
  expect((await passOver([2, 3], [4, 5])).trimmed).toEqual(new Set())
  const cut: readonly (readonly (readonly number[])[])[] = [[[3], [4, 5]], [[2], [4, 5]], [[2, 3]], []]
  for (const pages of cut) {
    expect([pages, (await passOver(...pages)).trimmed]).toEqual([pages, new Set([0])])
  }
})
