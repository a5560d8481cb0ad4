import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type EncodedRecord, partitionOf, type Topic } from '@roomlog/events'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type {
  EventLog,
  EventLogSettings,
  LogBatch,
  LogReader,
  LogRecord,
  SubscribeOptions,
  Subscription,
} from '../src/index.ts'

export const PARTITIONS = 4
/** Longer than any wait below: what waits for a session to end fails. */
export const SESSION_TIMEOUT_MS = 40_000
const WAIT = { timeout: 15_000, interval: 20 }

/** One installation of an engine; each `open` is what a process of its own would have. */
export interface LogWorld {
  readonly createTopics: (namespace: string) => Promise<void>
  readonly open: (settings: {
    readonly namespace: string
    readonly pendingLimit?: number
  }) => Promise<EventLog>
  /** What a process of its own needs to open it; undefined where the log lives in this one. */
  readonly processSettings?: (namespace: string) => ProcessSettings
  /** There where `processSettings` is. */
  readonly openReader?: (namespace: string) => Promise<LogReader>
}

/** As JSON. */
export type ProcessSettings = Omit<EventLogSettings, 'clientId' | 'database' | 'signal'> & {
  readonly databaseUrl?: string
}

/** What `EventLog` promises, on every engine. */
export function eventLogContract(world: () => LogWorld): void {
  const logs: EventLog[] = []
  let namespace: string

  const open = async (settings: { readonly namespace?: string; readonly pendingLimit?: number } = {}) => {
    const log = await world().open({ namespace, ...settings })
    logs.push(log)
    return log
  }
  const freshNamespace = async () => {
    const fresh = `t${randomBytes(5).toString('hex')}`
    await world().createTopics(fresh)
    return fresh
  }
  beforeEach(async () => {
    namespace = await freshNamespace()
  })
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })

  test('what goes in comes out: key, headers and bytes', async () => {
    const log = await open()
    const value = randomBytes(300)
    const headers = { seq: '7', to: 'ä 👋' }
    await log.append('persisted', { key: 'clé', headers, value })
    await log.append('persisted', { key: 'clé', headers: {}, value: Buffer.alloc(0) })
    const reader = await collect(log, { topic: 'persisted' })
    await vi.waitFor(() => expect(reader.records).toHaveLength(2), WAIT)
    expect(reader.records).toMatchObject([
      { key: 'clé', headers, value, offset: 0n },
      { key: 'clé', headers: {}, value: Buffer.alloc(0), offset: 1n },
    ])
    expect(reader.batches[0]?.partition).toBe(partitionOf('clé', PARTITIONS))
  })

  test('the records of a key stand in the order of the calls, also of racing processes', async () => {
    const writers = [await open(), await open(), await open()]
    await Promise.all(
      writers.flatMap((log, writer) =>
        range(600).map((i) => log.append('created', record(`room-${i % 20}`, `${writer}:${i}`))),
      ),
    )
    const reader = await collect(await open())
    await vi.waitFor(() => expect(reader.records).toHaveLength(1800), WAIT)
    for (const batches of Object.values(Object.groupBy(reader.batches, ({ partition }) => partition))) {
      const offsets = batches?.flatMap(({ records }) => records.map(({ offset }) => offset)) ?? []
      expect(offsets).toEqual(range(offsets.length).map(BigInt))
    }
    const ofOneWriterAndKey = Object.groupBy(reader.records, (it) => `${it.key} ${textOf(it).split(':')[0]}`)
    for (const records of Object.values(ofOneWriterAndKey)) {
      const numbers = records?.map((it) => Number(textOf(it).split(':')[1])) ?? []
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
  })

  test('appendAll writes all of it in order, and gives up only when told to', async () => {
    const log = await open()
    const { signal } = new AbortController()
    await log.appendAll(
      'deadLetters',
      range(50).map((i) => record('k', String(i))),
      signal,
    )
    await log.appendAll('deadLetters', [], signal)
    const reader = await collect(log, { topic: 'deadLetters' })
    await vi.waitFor(() => expect(reader.texts()).toEqual(range(50).map(String)), WAIT)
    const told = AbortSignal.abort(new Error('told to'))
    await expect(log.appendAll('deadLetters', [record('k', 'x')], told)).rejects.toThrow('told to')
  })

  test('above the bound a record is refused at once and never appears', async () => {
    const log = await open({ pendingLimit: 5 })
    const outcomes = await Promise.allSettled(
      range(8).map((i) => log.append('created', record('k', String(i)))),
    )
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array(5).fill('fulfilled'),
      ...Array(3).fill('rejected'),
    ])
    expect(outcomes[5]).toMatchObject({ reason: { name: 'AppendError', outcome: 'not_published' } })
    await log.append('created', record('k', 'room again'))
    const reader = await collect(log)
    await vi.waitFor(() => expect(reader.texts()).toEqual(['0', '1', '2', '3', '4', 'room again']), WAIT)
  })

  test('a record that has no time left is refused at once and never appears', async () => {
    const log = await open()
    const late = log.append('created', record('k', 'late'), 0)
    await expect(late).rejects.toMatchObject({ name: 'AppendError', outcome: 'not_published' })
    await log.append('created', record('k', 'in time'), SESSION_TIMEOUT_MS)
    const reader = await collect(log)
    await vi.waitFor(() => expect(reader.texts()).toEqual(['in time']), WAIT)
  })

  test('a batch has at most maxRecords', async () => {
    const log = await open()
    await appendAll(
      log,
      'created',
      range(25).map((i) => record('k', String(i))),
    )
    const reader = await collect(log, { maxRecords: 10 })
    await vi.waitFor(() => expect(reader.texts()).toEqual(range(25).map(String)), WAIT)
    expect(Math.max(...reader.batches.map(({ records }) => records.length))).toBe(10)
  })

  test('groups are independent: each sees everything', async () => {
    const log = await open()
    const before = await collect(log, { group: 'one' })
    await appendAll(
      log,
      'created',
      range(40).map((i) => record(`k${i}`, String(i))),
    )
    const after = await collect(log, { group: 'two' })
    for (const reader of [before, after]) {
      await vi.waitFor(() => expect(new Set(reader.texts())).toEqual(new Set(range(40).map(String))), WAIT)
    }
  })

  test('namespaces are independent', async () => {
    const other = await open({ namespace: await freshNamespace() })
    const mine = await open()
    await other.append('created', record('k', 'theirs'))
    await mine.append('created', record('k', 'mine'))
    const reader = await collect(mine)
    await vi.waitFor(() => expect(reader.texts()).toEqual(['mine']), WAIT)
  })

  test('what a handler did not finish comes again, from where it stopped', async () => {
    const log = await open()
    await appendAll(
      log,
      'created',
      range(6).map((i) => record('k', String(i))),
    )
    const answers: (number | Error | undefined)[] = [new Error('not now'), 2, 0, undefined]
    const reader = await collect(log, { maxRecords: 6 }, () => answers.shift())
    await vi.waitFor(() => expect(answers).toHaveLength(0), WAIT)
    await log.append('created', record('k', 'later'))
    await vi.waitFor(() => expect(reader.texts().at(-1)).toBe('later'), WAIT)
    const all = range(6).map(String)
    const seen = reader.batches.map(({ records }) => records.map(textOf))
    expect(seen).toEqual([all, all, all.slice(2), all.slice(2), ['later']])
  })

  test('what comes again comes before what follows it', async () => {
    const log = await open()
    await appendAll(
      log,
      'created',
      range(10).map((i) => record('k', String(i))),
    )
    const answers: Answer[] = [1, new Error('not now'), undefined, 0, 1, new Error('not now'), 1]
    const reader = await collect(log, { maxRecords: 2 }, () => answers.shift())
    await vi.waitFor(() => expect(reader.done.map(textOf)).toEqual(range(10).map(String)), WAIT)
  })

  test('a partition whose handler always throws does not hold up the others', async () => {
    const log = await open()
    const [poisoned = '', ...healthy] = keysOfEachPartition()
    let cured = false
    const reader = await collect(log, {}, ({ records }) =>
      records[0]?.key === poisoned && !cured ? new TypeError('poison') : undefined,
    )
    const texts = () => new Set(reader.done.map(textOf))
    for (const round of range(3).map(String)) {
      await appendAll(
        log,
        'created',
        [poisoned, ...healthy].map((key) => record(key, `${key} ${round}`)),
      )
      await vi.waitFor(() => {
        for (const key of healthy) expect(texts()).toContain(`${key} ${round}`)
      }, WAIT)
    }
    expect(texts()).not.toContain(`${poisoned} 0`)
    cured = true
    await vi.waitFor(() => expect(texts()).toContain(`${poisoned} 2`), WAIT)
    const ofPoisoned = reader.done.filter(({ key }) => key === poisoned)
    expect(ofPoisoned.map(textOf)).toEqual(range(3).map((round) => `${poisoned} ${round}`))
  })

  test('a successor begins where the group stopped, whether that was committed at once or at the leave', async () => {
    for (const commitIntervalMs of [0, 60_000]) {
      const group = `group-${commitIntervalMs}`
      const log = await open()
      await appendAll(log, 'created', [record('k', 'done')])
      const first = await collect(log, { group, commitIntervalMs })
      await vi.waitFor(() => expect(first.texts()).toContain('done'), WAIT)
      await log.close()
      const next = await open()
      await next.append('created', record('k', `after ${group}`))
      const second = await collect(next, { group, commitIntervalMs })
      await vi.waitFor(() => expect(second.texts()).toEqual([`after ${group}`]), WAIT)
    }
  })

  test('what was not done is delivered to the successor', async () => {
    const log = await open()
    await appendAll(
      log,
      'created',
      range(4).map((i) => record('k', String(i))),
    )
    const first = await collect(log, {}, ({ records }) => (records.length === 4 ? 1 : 0))
    await vi.waitFor(() => expect(first.batches.length).toBeGreaterThan(1), WAIT)
    await first.subscription.stop()
    const second = await collect(log)
    await vi.waitFor(() => expect(second.texts()).toEqual(['1', '2', '3']), WAIT)
  })

  test('what is under way when its member leaves is not done', async () => {
    const log = await open()
    await appendAll(log, 'created', [record('k', '0'), record('k', '1')])
    const begun = Promise.withResolvers<void>()
    const subscription = await log.subscribe({
      ...DEFAULTS,
      onBatch: async (_batch, { signal }) => {
        begun.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw signal.reason
      },
    })
    await begun.promise
    await subscription.stop()
    const successor = await collect(log)
    await vi.waitFor(() => expect(successor.texts()).toEqual(['0', '1']), WAIT)
  })

  test('what a killed process had not done comes to its successor, and nothing else', async ({ skip }) => {
    const settings = world().processSettings?.(namespace)
    if (settings === undefined) return skip('a log in memory ends with its process')
    const fixture = new URL('fixtures/member.ts', import.meta.url)
    const member = fork(fixture, [JSON.stringify(settings)], { execArgv: [] })
    onTestFinished(() => void member.kill('SIGKILL'))
    const texts: unknown[] = []
    member.on('message', (text) => texts.push(text))
    const log = await open()
    for (const text of ['done', 'stuck', 'later']) await log.append('created', record('k', text))
    await vi.waitFor(() => expect(texts).toEqual(['done', 'stuck']), WAIT)
    // What it had not committed yet would come, too.
    const reader = await world().openReader?.(namespace)
    const committed = async () =>
      (await reader?.positions('readers', 'created'))?.get(partitionOf('k', PARTITIONS))
    await vi.waitFor(async () => expect(await committed()).toBe(1n), WAIT)
    await reader?.close()
    member.kill('SIGKILL')
    const successor = await collect(log)
    await vi.waitFor(() => expect(successor.texts()).toEqual(['stuck', 'later']), WAIT)
  })

  test('a group that begins at the end keeps its place from then on', async () => {
    const log = await open()
    await appendAll(
      log,
      'persisted',
      keysOfEachPartition().map((key) => record(key, 'old')),
    )
    const options = { topic: 'persisted', from: 'end', commitIntervalMs: 1000 } as const
    const first = await collect(log, options)
    await first.subscription.caughtUp
    await first.subscription.stop()
    await appendAll(
      log,
      'persisted',
      keysOfEachPartition().map((key) => record(key, 'while away')),
    )
    const second = await collect(log, options)
    await vi.waitFor(() => expect(second.texts()).toEqual(Array(PARTITIONS).fill('while away')), WAIT)
    expect(first.texts()).toEqual([])
  })

  test('members share the partitions, and take over when one joins or leaves', async () => {
    const [one, two] = [await open(), await open()]
    const first = await collect(one)
    await vi.waitFor(() => expect(first.subscription.health().assigned).toBe(PARTITIONS), WAIT)
    const stop = keepAppending(await open())
    const second = await collect(two)
    await vi.waitFor(() => {
      const shares = [first, second].map(({ subscription }) => subscription.health().assigned)
      expect(shares).toEqual([PARTITIONS / 2, PARTITIONS / 2])
    }, WAIT)
    await vi.waitFor(() => expect(second.records.length).toBeGreaterThan(0), WAIT)
    await one.close()
    await vi.waitFor(() => expect(second.subscription.health().assigned).toBe(PARTITIONS), WAIT)
    const sent = await stop()
    await vi.waitFor(() => {
      const seen = new Set([...first.texts(), ...second.texts()])
      expect(sent.filter((it) => !seen.has(it))).toEqual([])
    }, WAIT)
    for (const reader of [first, second]) expectOrder(reader)
  })

  test('a partition is handled by one member, one batch at a time', async () => {
    const busy = new Set<number>()
    const overlaps: number[] = []
    const handle = async ({ partition }: LogBatch) => {
      if (busy.has(partition)) overlaps.push(partition)
      busy.add(partition)
      // Long enough for another to begin.
      await new Promise((resolve) => setTimeout(resolve, 5))
      busy.delete(partition)
      return undefined
    }
    const readers = [await collect(await open(), {}, handle), await collect(await open(), {}, handle)]
    await vi.waitFor(() => {
      const shares = readers.map(({ subscription }) => subscription.health().assigned)
      expect(shares).toEqual([PARTITIONS / 2, PARTITIONS / 2])
    }, WAIT)
    const log = await open()
    const texts = keysOfEachPartition().flatMap((key) => range(20).map((i) => `${key} ${i}`))
    for (const text of texts) await log.append('created', record(text.split(' ')[0] ?? '', text))
    const seen = () => readers.flatMap((reader) => reader.texts())
    await vi.waitFor(() => expect(new Set(seen())).toEqual(new Set(texts)), WAIT)
    expect(seen().toSorted()).toEqual(texts.toSorted())
    expect(overlaps).toEqual([])
    for (const { batches } of readers) {
      expect(new Set(batches.map(({ partition }) => partition)).size).toBe(PARTITIONS / 2)
    }
  })

  test('close gives the partitions back at once', async () => {
    const log = await open()
    const first = await collect(log)
    await vi.waitFor(() => expect(first.subscription.health().assigned).toBe(PARTITIONS), WAIT)
    await log.close()
    await expect(log.append('created', record('k', 'x'))).rejects.toMatchObject({ outcome: 'not_published' })
    const second = await collect(await open())
    await vi.waitFor(
      () => expect(second.subscription.health()).toMatchObject({ assigned: PARTITIONS, connected: true }),
      WAIT,
    )
  })

  test('close ends a subscribing as well', async () => {
    const log = await open()
    const subscribing = Promise.allSettled([collect(log)])
    await log.close()
    await subscribing
    const successor = await collect(await open())
    await vi.waitFor(() => expect(successor.subscription.health().assigned).toBe(PARTITIONS), WAIT)
  })

  test('close waits for the batch under way, whose signal aborts, and flushes what is queued', async () => {
    const log = await open()
    await log.append('created', record('k', 'first'))
    const begun = Promise.withResolvers<void>()
    let finished = false
    await log.subscribe({
      ...DEFAULTS,
      onBatch: async (_batch, { signal, heartbeat }) => {
        await heartbeat()
        begun.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await log.appendAll('persisted', [record('k', 'from the handler')], new AbortController().signal)
        finished = true
        return undefined
      },
    })
    await begun.promise
    const queued = log.append('persisted', record('k', 'queued'))
    await log.close()
    expect(finished).toBe(true)
    await queued
    const next = await open()
    const persisted = await collect(next, { topic: 'persisted', group: 'readers of persisted' })
    await vi.waitFor(() => expect(persisted.texts().toSorted()).toEqual(['from the handler', 'queued']), WAIT)
    await next.append('created', record('k', 'second'))
    const successor = await collect(next)
    await vi.waitFor(() => expect(successor.texts()).toEqual(['second']), WAIT)
  })

  test('a group of one is caught up once it has handled what stood in the log before', async () => {
    const log = await open()
    await appendAll(
      log,
      'created',
      range(100).map((i) => record(`k${i}`, String(i))),
    )
    const gate = Promise.withResolvers<undefined>()
    const reader = await collect(log, { maxRecords: 10 }, () => gate.promise)
    let caughtUp = false
    void reader.subscription.caughtUp.then(() => {
      caughtUp = true
    })
    await vi.waitFor(() => expect(reader.batches.length).toBeGreaterThan(0), WAIT)
    expect(caughtUp).toBe(false)
    gate.resolve(undefined)
    await reader.subscription.caughtUp
    expect(new Set(reader.done.map(textOf)).size).toBe(100)
    const empty = await collect(log, { topic: 'persisted', group: 'readers of nothing' })
    await empty.subscription.caughtUp
  })

  test('a member tells how many records wait in its partitions, and for how long', async () => {
    const log = await open()
    const [stuck = '', healthy = ''] = keysOfEachPartition()
    let cured = false
    const reader = await collect(log, {}, ({ records }) =>
      records[0]?.key === stuck && !cured ? 0 : undefined,
    )
    const backlog = () => reader.subscription.health()
    expect(backlog()).toMatchObject({ lag: 0, oldestMs: 0 })
    const beganAtMs = Date.now()
    await log.append('created', record(stuck, 'first'))
    await vi.waitFor(() => expect(reader.batches.length).toBeGreaterThan(0), WAIT)
    await appendAll(
      log,
      'created',
      [stuck, stuck, healthy].map((key) => record(key, 'more')),
    )
    await vi.waitFor(() => expect(reader.done).toHaveLength(1), WAIT)
    await vi.waitFor(() => expect(backlog().lag).toBe(3), WAIT)
    // Also while its partition rests: the record waits on.
    const before = backlog().oldestMs
    expect(before).toBeGreaterThan(0)
    await vi.waitFor(() => expect(backlog().oldestMs).toBeGreaterThan(before), WAIT)
    expect(backlog().oldestMs).toBeLessThanOrEqual(Date.now() - beganAtMs)
    cured = true
    await vi.waitFor(() => expect(reader.done).toHaveLength(4), WAIT)
    await vi.waitFor(() => expect(backlog()).toMatchObject({ lag: 0, oldestMs: 0 }), WAIT)
  })

  test('what another member has handled does not wait, when its partitions come over', async () => {
    const [one, two] = [await open(), await open()]
    const first = await collect(one)
    const texts = keysOfEachPartition()
    await appendAll(
      one,
      'created',
      texts.map((key) => record(key, key)),
    )
    await vi.waitFor(() => expect(first.done).toHaveLength(PARTITIONS), WAIT)
    await first.subscription.stop()
    // Handles nothing, so that what it says is not of its own doing.
    const second = await collect(two, {}, () => 0)
    await appendAll(two, 'created', [record('k', 'new')])
    await vi.waitFor(
      () => expect(second.subscription.health()).toMatchObject({ assigned: PARTITIONS, lag: 1 }),
      WAIT,
    )
  })

  test('tells how many records wait to be appended', async () => {
    const log = await open()
    expect(log.pending).toBe(0)
    const appending = Promise.all(range(7).map((i) => log.append('created', record(`k${i}`, String(i)))))
    expect(log.pending).toBe(7)
    await appending
    expect(log.pending).toBe(0)
  })

  test('answers a ping', async () => {
    await (await open()).ping()
  })
}

const DEFAULTS = {
  topic: 'created',
  group: 'readers',
  from: 'beginning',
  maxRecords: 500,
  commitIntervalMs: 0,
  onFatal: (error: Error) => {
    throw error
  },
} as const satisfies Partial<SubscribeOptions>

interface Reader {
  readonly subscription: Subscription
  /** Every batch as delivered, again and again. */
  readonly batches: readonly LogBatch[]
  readonly records: readonly LogRecord[]
  /** Records that the handler took. */
  readonly done: readonly LogRecord[]
  readonly texts: () => readonly string[]
}

type Answer = number | Error | undefined

async function collect(
  log: EventLog,
  options: Partial<SubscribeOptions> = {},
  answer: (batch: LogBatch) => Answer | Promise<Answer> = () => undefined,
): Promise<Reader> {
  const batches: LogBatch[] = []
  const records: LogRecord[] = []
  const done: LogRecord[] = []
  const subscription = await log.subscribe({
    ...DEFAULTS,
    ...options,
    onBatch: async (batch) => {
      batches.push(batch)
      records.push(...batch.records)
      const given = await answer(batch)
      if (given instanceof Error) throw given
      done.push(...batch.records.slice(0, given ?? batch.records.length))
      return given
    },
  })
  return { subscription, batches, records, done, texts: () => records.map(textOf) }
}

function record(key: string, text: string): EncodedRecord {
  return { key, headers: {}, value: Buffer.from(text) }
}

function textOf({ value }: LogRecord): string {
  return String(value)
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i)
}

function appendAll(log: EventLog, topic: Topic, records: readonly EncodedRecord[]): Promise<void> {
  return log.appendAll(topic, records, new AbortController().signal)
}

/** A key of each partition, in the order of the partitions. */
function keysOfEachPartition(): readonly string[] {
  const keys = range(100).map((i) => `key-${i}`)
  return range(PARTITIONS).map(
    (partition) => keys.find((it) => partitionOf(it, PARTITIONS) === partition) ?? '',
  )
}

/** Appends to all partitions until stopped; resolves then with every text. */
function keepAppending(log: EventLog): () => Promise<readonly string[]> {
  const sent: string[] = []
  let stopped = false
  const loop = async () => {
    for (let i = 0; !stopped; i += 1) {
      const texts = keysOfEachPartition().map((key) => `${key} ${i}`)
      await Promise.all(texts.map((text) => log.append('created', record(text.split(' ')[0] ?? '', text))))
      sent.push(...texts)
    }
  }
  const ended = loop()
  const stop = async () => {
    stopped = true
    await ended
    return sent
  }
  // Also of a test that fails: the loop would never let its process end.
  onTestFinished(() => {
    stopped = true
  })
  return stop
}

/** What is delivered may repeat from an earlier position, but never leaves out a record between. */
function expectOrder({ batches }: Reader): void {
  const next = new Map<number, bigint>()
  for (const { partition, records } of batches) {
    for (const { offset } of records) {
      const expected = next.get(partition)
      if (expected !== undefined) expect(offset <= expected).toBe(true)
      next.set(partition, offset + 1n)
    }
  }
}
