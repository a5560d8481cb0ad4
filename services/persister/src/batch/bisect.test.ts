import { newId } from '@roomlog/protocol'
import { expect, test } from 'vitest'
import { type Store, storeAround } from './bisect.ts'
import type { Candidate } from './verdict.ts'

class ServerError extends Error {
  readonly code: string
  constructor(code: string) {
    super('refused')
    this.code = code
  }
}

function candidates(bodies: string): readonly Candidate[] {
  return [...bodies].map((body, i) => ({
    record: { key: null, headers: {}, value: null, offset: BigInt(i) },
    event: {
      v: 1,
      eventId: newId(),
      roomId: newId(),
      senderId: newId(),
      clientMsgId: 'abcdefgh',
      body,
      acceptedAt: '2026-01-02T03:04:05.678Z',
      edgeId: 'edge-1',
    },
  }))
}

/** Refuses whatever contains an x, and remembers the order of what it took. */
function pickyStore(code = '22008') {
  const taken: string[] = []
  let calls = 0
  const store: Store = async (part) => {
    calls += 1
    const bodies = part.map(({ event }) => event.body)
    if (bodies.includes('x')) throw new ServerError(code)
    taken.push(...bodies)
    return part.map(() => ({ kind: 'duplicate' }))
  }
  return { store, taken, calls: () => calls }
}

test('a batch without fault is stored at once', async () => {
  const { store, taken, calls } = pickyStore()
  expect(await storeAround(store, candidates('abc'))).toHaveLength(3)
  expect(taken.join('')).toBe('abc')
  expect(calls()).toBe(1)
})

test.for(['x', 'xabcdef', 'abcxdef', 'abcdefx', 'xx', 'axbxxcxd'])(
  'around the faults of %s everything is stored, in order',
  async (bodies) => {
    const { store, taken } = pickyStore()
    const verdicts = await storeAround(store, candidates(bodies))
    expect(taken.join('')).toBe(bodies.replaceAll('x', ''))
    expect(verdicts.map(({ kind }) => kind)).toEqual(
      [...bodies].map((body) => (body === 'x' ? 'dead' : 'duplicate')),
    )
  },
)

test('one fault among 500 costs few transactions', async () => {
  const { store, calls } = pickyStore()
  await storeAround(store, candidates(`${'a'.repeat(300)}x${'b'.repeat(199)}`))
  expect(calls()).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(500)) + 1)
})

test('a dead record names the fault and its sender', async () => {
  const [only] = candidates('x')
  expect(await storeAround(pickyStore('22021').store, only === undefined ? [] : [only])).toEqual([
    {
      kind: 'dead',
      record: only?.record,
      reason: 'unstorable',
      detail: 'SQLSTATE 22021',
      code: 'validation_failed',
      address: only?.event,
    },
  ])
})

test.for(['40001', '57P01', '53100', '42703'])(
  'an error of kind %s is not taken for a fault',
  async (code) => {
    await expect(storeAround(pickyStore(code).store, candidates('axb'))).rejects.toMatchObject({ code })
  },
)
