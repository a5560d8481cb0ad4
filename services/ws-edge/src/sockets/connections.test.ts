import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection } from './connection.ts'
import { Connections } from './connections.ts'

const SECOND = 1000
let connections: Connections

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  connections = new Connections(20)
})
afterEach(() => {
  connections.stop()
  vi.useRealTimers()
})

/** A socket that notes when it was pinged; `heardAtMs` is the test's. */
function socket(id: string) {
  const pingedAtMs: number[] = []
  const it = {
    id,
    userId: id,
    isOpen: true,
    nextPingAtMs: 0,
    heardAtMs: performance.now(),
    check: () => undefined,
    ping: () => pingedAtMs.push(performance.now()),
    pingedAtMs,
  }
  connections.add(it as unknown as Connection)
  return it
}

test('who only answers pings is pinged every 16 to 24 s', () => {
  const startedAtMs = performance.now()
  const sockets = Array.from({ length: 50 }, (_, i) => socket(String(i)))
  for (let s = 0; s < 300; s += 1) {
    vi.advanceTimersByTime(SECOND)
    for (const it of sockets) it.heardAtMs = Math.max(it.heardAtMs, it.pingedAtMs.at(-1) ?? 0)
  }
  for (const { pingedAtMs } of sockets) {
    const pauses = pingedAtMs.map((at, i) => at - (pingedAtMs[i - 1] ?? startedAtMs))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(16 * SECOND)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(25 * SECOND)
    expect(pauses.length).toBeGreaterThanOrEqual(12)
  }
})

test('who sends heartbeats is soon not pinged any more, and is within 24 s of the last one', () => {
  const sockets = Array.from({ length: 50 }, (_, i) => socket(String(i)))
  const beating = (seconds: number) => {
    for (let s = 1; s <= seconds; s += 1) {
      vi.advanceTimersByTime(SECOND)
      if (s % 20 === 0) for (const it of sockets) it.heardAtMs = performance.now()
    }
  }
  beating(600)
  for (const it of sockets) it.pingedAtMs.length = 0
  beating(600)
  expect(sockets.flatMap(({ pingedAtMs }) => pingedAtMs)).toEqual([])
  vi.advanceTimersByTime(25 * SECOND)
  for (const { pingedAtMs } of sockets) expect(pingedAtMs).toHaveLength(1)
})
