import type { EncodedRecord } from '@roomlog/events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  APPEND_TIMEOUT_MS,
  BATCH_MAX_BYTES,
  BATCH_MAX_RECORDS,
  type Lane,
  Lanes,
  PENDING_MAX,
} from './lanes.ts'

const A: Lane = { topic: 'created', partition: 0 }
const B: Lane = { topic: 'created', partition: 1 }
const never = new AbortController().signal

/** A log whose every answer the test gives itself, in the order of the sends. */
function lanes(pendingLimit?: number) {
  const sends: { lane: Lane; texts: string[]; answer: (error?: Error) => void }[] = []
  const errors: number[] = []
  const subject = new Lanes({
    send: ({ topic, partition }, records) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const answer = (error?: Error) => (error === undefined ? resolve() : reject(error))
      sends.push({ lane: { topic, partition }, texts: records.map(({ value }) => String(value)), answer })
      return promise
    },
    onSendError: (_lane, _error, attempt) => errors.push(attempt),
    pendingLimit,
  })
  const sent = () => sends.map(({ texts }) => texts.join())
  return { subject, sends, sent, errors }
}

function record(text: string): EncodedRecord {
  return { key: 'k', headers: {}, value: Buffer.from(text) }
}

/** What became of an append so far. */
function watch(promise: Promise<void>) {
  const fate = { now: 'waiting' }
  promise.then(
    () => {
      fate.now = 'done'
    },
    (error) => {
      fate.now = error.outcome ?? error.message
    },
  )
  return fate
}

const passing = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a lane', () => {
  test('gathers what is appended in one turn, and what comes while a batch is under way', async () => {
    const { subject, sends, sent } = lanes()
    const fates = ['1', '2'].map((text) => watch(subject.append(A, record(text))))
    await passing(0)
    const later = ['3', '4'].map((text) => watch(subject.append(A, record(text))))
    await passing(100)
    expect(sent()).toEqual(['1,2'])
    sends[0]?.answer()
    await passing(0)
    expect(sent()).toEqual(['1,2', '3,4'])
    expect([...fates, ...later].map(({ now }) => now)).toEqual(['done', 'done', 'waiting', 'waiting'])
  })

  test('does not wait for another, and sends one partition at a time', async () => {
    const { subject, sends } = lanes()
    void subject.append(A, record('a'))
    const b = watch(subject.append(B, record('b')))
    await passing(0)
    expect(sends.map(({ lane }) => lane)).toEqual([A, B])
    sends[1]?.answer()
    await passing(0)
    expect(b.now).toBe('done')
  })

  test('sends the same batch until it is answered, and nothing overtakes it', async () => {
    const { subject, sends, sent, errors } = lanes()
    const all = subject.appendAll(
      ['1', '2'].map((text) => ({ lane: A, record: record(text) })),
      never,
    )
    const first = watch(all)
    await passing(0)
    const second = watch(subject.appendAll([{ lane: A, record: record('3') }], never))
    for (let attempt = 0; attempt < 300; attempt += 1) {
      sends.at(-1)?.answer(new Error('no answer'))
      await passing(50)
    }
    expect(new Set(sent())).toEqual(new Set(['1,2']))
    expect(errors).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(first.now).toBe('waiting')
    sends.at(-1)?.answer()
    await passing(0)
    expect([first.now, second.now, sent().at(-1)]).toEqual(['done', 'waiting', '3'])
  })

  test('limits a batch in records', async () => {
    const { subject, sends } = lanes()
    const many = Array.from({ length: BATCH_MAX_RECORDS + 1 }, () => ({ lane: A, record: record('x') }))
    void subject.appendAll(many, never)
    await passing(0)
    sends[0]?.answer()
    await passing(0)
    expect(sends.map(({ texts }) => texts.length)).toEqual([BATCH_MAX_RECORDS, 1])
  })

  test('limits a batch in bytes; a larger record goes alone', async () => {
    const { subject, sends } = lanes()
    const sizes = [BATCH_MAX_BYTES / 2 - 1000, BATCH_MAX_BYTES / 2 - 1000, 10_000, BATCH_MAX_BYTES * 2, 1]
    const all = sizes.map((size) => ({ lane: A, record: record('x'.repeat(size)) }))
    void subject.appendAll(all, never)
    for (let i = 0; i < 4; i += 1) {
      await passing(0)
      sends[i]?.answer()
    }
    expect(sends.map(({ texts }) => texts.map(({ length }) => length))).toEqual([
      sizes.slice(0, 2),
      [10_000],
      [BATCH_MAX_BYTES * 2],
      [1],
    ])
  })
})

describe('a record that waits too long', () => {
  test('leaves the queue, and is never sent', async () => {
    const { subject, sends, sent } = lanes()
    void subject.appendAll([{ lane: A, record: record('holds the lane') }], never)
    await passing(0)
    const queued = watch(subject.append(A, record('queued')))
    await passing(APPEND_TIMEOUT_MS)
    expect(queued.now).toBe('not_published')
    sends[0]?.answer()
    await passing(1000)
    expect(sent()).toEqual(['holds the lane'])
  })

  test('has as long as its caller says, and without any time is refused at once', async () => {
    const { subject, sent } = lanes()
    const [short, long] = [
      watch(subject.append(A, record('1'), 200)),
      watch(subject.append(A, record('2'), 300)),
    ]
    await passing(0)
    const [queued, none] = [
      watch(subject.append(A, record('3'), 100)),
      watch(subject.append(B, record('4'), 0)),
    ]
    await passing(0)
    expect([short, long, queued, none].map(({ now }) => now)).toEqual([
      'waiting',
      'waiting',
      'waiting',
      'not_published',
    ])
    await passing(200)
    expect([short, long, queued].map(({ now }) => now)).toEqual(['unknown', 'waiting', 'not_published'])
    await passing(100)
    expect(long.now).toBe('unknown')
    expect(sent()).toEqual(['1,2'])
  })

  test('has an unknown fate once under way, and keeps its place until that is settled', async () => {
    const { subject, sends } = lanes(1)
    const underWay = watch(subject.append(A, record('1')))
    await passing(APPEND_TIMEOUT_MS)
    expect(underWay.now).toBe('unknown')
    const refused = watch(subject.append(A, record('2')))
    await passing(0)
    expect(refused.now).toBe('not_published')
    sends[0]?.answer()
    await passing(0)
    void subject.append(A, record('3'))
    await passing(0)
    expect(sends.map(({ texts }) => texts)).toEqual([['1'], ['3']])
  })
})

test('records that wait are bounded over all lanes; those of appendAll neither count nor are refused', async () => {
  const { subject } = lanes()
  const many = Array.from({ length: PENDING_MAX }, () => ({ lane: A, record: record('x') }))
  void subject.appendAll(many, never)
  const fates = Array.from({ length: PENDING_MAX + 2 }, (_, i) =>
    watch(subject.append(i % 2 === 0 ? A : B, record('x'))),
  )
  await passing(0)
  expect(fates.filter(({ now }) => now === 'waiting')).toHaveLength(PENDING_MAX)
  expect(fates.filter(({ now }) => now === 'not_published')).toHaveLength(2)
  await passing(APPEND_TIMEOUT_MS)
  expect(fates.filter(({ now }) => now === 'waiting')).toHaveLength(0)
})

describe('appendAll', () => {
  test('is never timed out', async () => {
    const { subject, sends } = lanes()
    const fate = watch(subject.appendAll([{ lane: A, record: record('1') }], never))
    await passing(APPEND_TIMEOUT_MS * 100)
    expect(fate.now).toBe('waiting')
    sends[0]?.answer()
    await passing(0)
    expect(fate.now).toBe('done')
  })

  test('takes what is still queued back when it is aborted', async () => {
    const { subject, sends, sent } = lanes()
    void subject.append(A, record('1'))
    await passing(0)
    const abort = new AbortController()
    const fate = watch(
      subject.appendAll(
        [A, B].map((lane) => ({ lane, record: record('2') })),
        abort.signal,
      ),
    )
    await passing(0)
    abort.abort(new Error('aborted'))
    for (const { answer } of sends) answer()
    await passing(1000)
    expect(fate.now).toBe('aborted')
    expect(sent()).toEqual(['1', '2'])
  })
})

describe('close', () => {
  test('flushes what is queued, and takes nothing more', async () => {
    const { subject, sends } = lanes()
    const fates = ['1', '2'].map((text) => watch(subject.append(A, record(text))))
    const closed = watch(subject.close(5000))
    const late = watch(subject.append(A, record('3')))
    await passing(0)
    expect([late.now, closed.now]).toEqual(['not_published', 'waiting'])
    sends[0]?.answer()
    await passing(0)
    expect([...fates, closed].map(({ now }) => now)).toEqual(['done', 'done', 'done'])
  })

  test('gives up in time, saying of each record what is known', async () => {
    const { subject, sends } = lanes()
    const underWay = watch(subject.append(A, record('1')))
    await passing(0)
    const queued = watch(subject.append(A, record('2')))
    const all = watch(subject.appendAll([{ lane: A, record: record('3') }], never))
    const closed = watch(subject.close(1000))
    await passing(1000)
    expect([underWay, queued, all, closed].map(({ now }) => now)).toEqual([
      'unknown',
      'not_published',
      'not_published',
      'done',
    ])
    sends[0]?.answer(new Error('closed'))
    await passing(10_000)
    expect(sends).toHaveLength(1)
  })
})
