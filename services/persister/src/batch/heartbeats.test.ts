import type { BatchContext } from '@roomlog/event-log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withHeartbeats } from './heartbeats.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function context(heartbeat: () => Promise<void>, signal = new AbortController().signal): BatchContext {
  return { signal, heartbeat }
}

/** Ends when its signal does, as a retry loop or an append. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('work ended', { cause: signal.reason })))
  })
}

test('long work is kept alive at least each second, and not for longer than it takes', async () => {
  const heartbeat = vi.fn(async () => undefined)
  const { promise, resolve } = Promise.withResolvers<string>()
  const done = withHeartbeats(context(heartbeat), () => promise)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(heartbeat.mock.calls.length).toBeGreaterThanOrEqual(10)
  resolve('done')
  expect(await done).toBe('done')
  heartbeat.mockClear()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(heartbeat).not.toHaveBeenCalled()
})

test('a lost ownership ends the work, and is what the log gets to see', async () => {
  const lost = new Error('rebalance in progress')
  const done = withHeartbeats(
    context(() => Promise.reject(lost)),
    untilAborted,
  )
  const expectation = expect(done).rejects.toBe(lost)
  await vi.advanceTimersByTimeAsync(1000)
  await expectation
})

test('the end of the subscription ends the work', async () => {
  const stop = new AbortController()
  const done = withHeartbeats(
    context(async () => undefined, stop.signal),
    untilAborted,
  )
  stop.abort(new Error('stopping'))
  await expect(done).rejects.toThrow('work ended')
})

test('an error of the work passes', async () => {
  const work = () => Promise.reject(new Error('fault'))
  await expect(
    withHeartbeats(
      context(async () => undefined),
      work,
    ),
  ).rejects.toThrow('fault')
})
