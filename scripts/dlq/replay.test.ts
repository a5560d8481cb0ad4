import type { EventLog, TimedRecord } from '@roomlog/event-log'
import { encodeCreated, encodeDeadLetter } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { EXIT } from '../operator/failure.ts'
import { readerWith } from '../test/log-reader.ts'
import { message } from '../test/operator-world.ts'
import { replayAll } from './replay.ts'

/** More than what is replayed between two commits. */
const MANY = 1203
const PAGE = 500

test('all that wait are replayed in their order, however many', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  onTestFinished(() => log.mockRestore())
  const room = newId()
  const originals = Array.from({ length: MANY }, (_, i) => encodeCreated(message(room, String(i))))
  const letters = originals.map((record, i): TimedRecord => {
    const origin = { topic: 'created', partition: 0, offset: BigInt(i) } as const
    return { ...encodeDeadLetter(record, 'room_not_found', origin), offset: BigInt(i), at: new Date() }
  })
  const positions = new Map([[0, 0n]])
  let reads = 0
  const reader = readerWith({
    bounds: async () => new Map([[0, { from: 0n, end: BigInt(MANY) }]]),
    read: async (_, { ranges, onRecords }) => {
      reads += 1
      for (const [partition, { from, end }] of ranges) {
        for (let at = Number(from); at < Number(end); at += PAGE)
          await onRecords(partition, letters.slice(at, Math.min(at + PAGE, Number(end))))
      }
    },
    positions: async () => new Map(positions),
    commit: async (_, __, moved) => {
      for (const [partition, to] of moved) positions.set(partition, to)
    },
  })
  const given: unknown[] = []
  const openLog = async () =>
    ({
      appendAll: async (topic, records) => {
        expect(topic).toBe('created')
        given.push(...records)
      },
    }) satisfies Pick<EventLog, 'appendAll'> as unknown as EventLog
  const options = { reader, db: undefined, openLog, isDry: false, isForced: false }
  expect(await replayAll(options)).toBe(EXIT.clean)
  expect(given).toEqual(originals)
  expect(positions.get(0)).toBe(BigInt(MANY))
  // On Kafka each joins a group of its own.
  expect(reads).toBe(1)
  expect(await replayAll(options)).toBe(EXIT.clean)
  expect(given).toHaveLength(MANY)
})
