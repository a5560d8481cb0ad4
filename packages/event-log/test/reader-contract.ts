import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type EncodedRecord, partitionOf, type Topic } from '@roomlog/events'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { EventLog, LogReader, Ranges, TimedRecord } from '../src/index.ts'
import { PARTITIONS } from './contract.ts'

export interface ReaderWorld {
  readonly createTopics: (namespace: string) => Promise<void>
  readonly open: (settings: { readonly namespace: string }) => Promise<EventLog>
  readonly openReader: (namespace: string) => Promise<LogReader>
}

const GROUP = 'lookers-on'
/** Of another partition than `k`. */
const OTHER_KEY =
  ['l', 'm', 'n', 'o'].find((it) => partitionOf(it, PARTITIONS) !== partitionOf('k', PARTITIONS)) ?? ''
/** More than one page on every engine. */
const MANY = 1203

/** What `LogReader` promises, on every engine that has one. */
export function logReaderContract(world: () => ReaderWorld): void {
  let namespace: string
  let log: EventLog
  let reader: LogReader

  beforeEach(async () => {
    namespace = `t${randomBytes(5).toString('hex')}`
    await world().createTopics(namespace)
    log = await world().open({ namespace })
    reader = await world().openReader(namespace)
  })
  afterEach(async () => {
    await reader.close()
    await log.close()
  })

  const append = (topic: Topic, records: readonly EncodedRecord[]) =>
    log.appendAll(topic, records, new AbortController().signal)
  const read = async (topic: Topic, ranges: Ranges) => {
    const found = new Map<number, TimedRecord[]>()
    await reader.read(topic, {
      ranges,
      onRecords: async (partition, records) => {
        found.set(partition, [...(found.get(partition) ?? []), ...records])
      },
    })
    return found
  }
  const partition = partitionOf('k', PARTITIONS)
  const numbered = (count: number, key = 'k') =>
    Array.from({ length: count }, (_, i) => ({ key, headers: {}, value: Buffer.from(String(i)) }))

  test('a reader sees key, headers, bytes and time of every record, in order, and stops where it was told to', async () => {
    const value = randomBytes(300)
    const before = Date.now()
    await append('deadLetters', [
      { key: 'k', headers: { reason: 'ä 👋' }, value },
      ...numbered(MANY),
      ...numbered(MANY, OTHER_KEY),
    ])
    const bounds = await reader.bounds('deadLetters')
    expect(bounds.size).toBe(PARTITIONS)
    await append('deadLetters', numbered(3))
    const found = await read('deadLetters', bounds)
    const records = found.get(partition) ?? []
    expect(records[0]).toMatchObject({ key: 'k', headers: { reason: 'ä 👋' }, value, offset: 0n })
    expect(Math.abs((records[0]?.at.getTime() ?? 0) - before)).toBeLessThan(60_000)
    expect(records.slice(1).map((it) => String(it.value))).toEqual(
      numbered(MANY).map((it) => String(it.value)),
    )
    expect(found.get(partitionOf(OTHER_KEY, PARTITIONS))?.map(({ offset }) => Number(offset))).toEqual(
      numbered(MANY).map((_, i) => i),
    )
  })

  test('a reader is given the offsets that it asks for, and nothing of other partitions', async () => {
    await append('created', [...numbered(10), ...numbered(10, OTHER_KEY)])
    const found = await read('created', new Map([[partition, { from: 3n, end: 7n }]]))
    expect([...found.keys()]).toEqual([partition])
    expect(found.get(partition)?.map(({ offset }) => offset)).toEqual([3n, 4n, 5n, 6n])
    expect(await read('created', new Map([[partition, { from: 10n, end: 10n }]]))).toEqual(new Map())
    expect(await read('persisted', await reader.bounds('persisted'))).toEqual(new Map())
  })

  test('what a handler throws ends the read', async () => {
    await append('created', numbered(3))
    const reading = reader.read('created', {
      ranges: await reader.bounds('created'),
      onRecords: async () => {
        throw new Error('enough')
      },
    })
    await expect(reading).rejects.toThrow('enough')
  })

  test('a time leads to the first record that came then or later', async () => {
    await append('created', numbered(5))
    // Times have milliseconds.
    await delay(20)
    const time = new Date()
    await delay(20)
    await append('created', numbered(5))
    const at = async (when: Date) => (await reader.offsetsAt('created', when)).get(partition)
    expect(await at(new Date(0))).toBe(0n)
    expect(await at(time)).toBe(5n)
    expect(await at(new Date(Date.now() + 3_600_000))).toBe(10n)
    expect((await reader.offsetsAt('created', time)).size).toBe(PARTITIONS)
  })

  test("positions are the group's own, are kept, and never move back", async () => {
    await append('created', numbered(10))
    expect(await reader.positions(GROUP, 'created')).toEqual(new Map())
    await reader.commit(GROUP, 'created', new Map([[partition, 7n]]))
    await reader.commit(GROUP, 'persisted', new Map([[0, 0n]]))
    await reader.commit(GROUP, 'created', new Map([[partition, 5n]]))
    await reader.close()
    reader = await world().openReader(namespace)
    expect(await reader.positions(GROUP, 'created')).toEqual(new Map([[partition, 7n]]))
    expect(await reader.positions(GROUP, 'persisted')).toEqual(new Map([[0, 0n]]))
    expect(await reader.positions('another', 'created')).toEqual(new Map())
    await reader.commit(GROUP, 'created', new Map([[partition, 8n]]))
    expect(await reader.positions(GROUP, 'created')).toEqual(new Map([[partition, 8n]]))
  })

  test('a position never moves back, also when another has gone further meanwhile', async () => {
    await append('created', numbered(10))
    const other = await world().openReader(namespace)
    onTestFinished(() => other.close())
    await other.commit(GROUP, 'created', new Map([[partition, 1n]]))
    const slow = reader.commit(GROUP, 'created', new Map([[partition, 5n]]))
    await other.commit(GROUP, 'created', new Map([[partition, 7n]]))
    await slow
    expect(await reader.positions(GROUP, 'created')).toEqual(new Map([[partition, 7n]]))
  })

  test('a position beyond the end of the log is none', async () => {
    await append('created', numbered(5))
    // Of the log that was there before this one.
    await reader.commit(GROUP, 'created', new Map([[partition, 1000n]]))
    expect(await reader.positions(GROUP, 'created')).toEqual(new Map())
    await reader.commit(GROUP, 'created', new Map([[partition, 3n]]))
    expect(await reader.positions(GROUP, 'created')).toEqual(new Map([[partition, 3n]]))
  })

  test('what a group of subscribers has done is seen, and reading takes nothing from it', async () => {
    await append('created', numbered(6))
    const seen: string[] = []
    const subscribe = (done: number) =>
      log.subscribe({
        topic: 'created',
        group: GROUP,
        from: 'beginning',
        maxRecords: 4,
        commitIntervalMs: 0,
        onBatch: async ({ records }) => {
          const taken = records.slice(0, Math.max(0, done - seen.length))
          seen.push(...taken.map(({ value }) => String(value)))
          return taken.length
        },
        onFatal: (error) => expect.fail(error.message),
      })
    const subscription = await subscribe(4)
    const position = async () => (await reader.positions(GROUP, 'created')).get(partition)
    await expect.poll(position, { timeout: 15_000 }).toBe(4n)
    await read('created', await reader.bounds('created'))
    await subscription.stop()
    await subscribe(6)
    await expect.poll(() => seen, { timeout: 15_000 }).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  test('a group without members is moved back, and has that delivered once more', async () => {
    await append('created', numbered(5))
    const seen: string[] = []
    const subscribe = () =>
      log.subscribe({
        topic: 'created',
        group: GROUP,
        from: 'beginning',
        maxRecords: 10,
        commitIntervalMs: 0,
        onBatch: async ({ records }) => {
          seen.push(...records.map(({ value }) => String(value)))
          return undefined
        },
        onFatal: (error) => expect.fail(error.message),
      })
    expect(await reader.members(GROUP)).toBe(0)
    const subscription = await subscribe()
    const position = async () => (await reader.positions(GROUP, 'created')).get(partition)
    await expect.poll(position, { timeout: 15_000 }).toBe(5n)
    expect(await reader.members(GROUP)).toBe(1)
    const back = new Map([[partition, 3n]])
    await expect(reader.rewind(GROUP, 'created', back)).rejects.toMatchObject({ code: 'group_in_use' })
    await subscription.stop()
    await reader.rewind(GROUP, 'created', back)
    expect(await reader.positions(GROUP, 'created')).toMatchObject(back)
    expect(await reader.members(GROUP)).toBe(0)
    await reader.close()
    reader = await world().openReader(namespace)
    await subscribe()
    await expect.poll(() => seen, { timeout: 15_000 }).toEqual(['0', '1', '2', '3', '4', '3', '4'])
  })
}
