import { beforeEach, describe, expect, test, vi } from 'vitest'
import { pauseMs, retried } from './retry.ts'

class ServerError extends Error {
  readonly code: string
  constructor(code: string) {
    super('refused')
    this.code = code
  }
}

function failing(times: number, error: Error) {
  let calls = 0
  return async () => {
    calls += 1
    if (calls <= times) throw error
    return calls
  }
}

describe('work that fails', () => {
  const onFailure = vi.fn()
  beforeEach(() => {
    onFailure.mockClear()
  })
  const start = (work: () => Promise<number>, signal = new AbortController().signal) =>
    retried(work, { signal, onFailure })

  test.for([
    ['a broken connection', new Error('Connection terminated'), 'transient'],
    ['a restart', new ServerError('57P01'), 'transient'],
    ['a full disk', new ServerError('53100'), 'transient'],
    ['a missing table', new ServerError('42P01'), 'schema'],
  ] as const)('for %s is repeated until it is done', async ([, error, kind]) => {
    expect(await start(failing(2, error))).toBe(3)
    expect(onFailure.mock.calls).toEqual([
      [error, kind, 1],
      [error, kind, 2],
    ])
  })

  test('for its values is not repeated', async () => {
    await expect(start(failing(1, new ServerError('22021')))).rejects.toMatchObject({ code: '22021' })
    expect(onFailure).not.toHaveBeenCalled()
  })

  test('is given up when the signal aborts, before or during a pause', async () => {
    const abort = new AbortController()
    const work = vi.fn(async (): Promise<number> => {
      abort.abort()
      throw new Error('Connection terminated')
    })
    await expect(start(work, abort.signal)).rejects.toMatchObject({ name: 'AbortError' })
    await expect(start(work, abort.signal)).rejects.toMatchObject({ name: 'AbortError' })
    expect(work).toHaveBeenCalledTimes(1)
  })
})

test('pauses grow to a second and no further', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 5000].map(pauseMs)).toEqual([50, 100, 200, 400, 800, 1000, 1000, 1000])
})
