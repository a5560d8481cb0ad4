import { connect } from '@roomlog/db'
import type { LiveSocket } from '@roomlog/live'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection } from '../sockets/connection.ts'
import { Connections } from '../sockets/connections.ts'
import { PresenceKeeper } from './presence.ts'

const GATHER_MS = 50

/** What the live store is told, call by call; each ends when the test lets it. */
interface Call {
  readonly what: 'connected' | 'disconnected'
  readonly sockets: readonly string[]
  readonly end: () => void
}

let calls: Call[]
let connections: Connections
let keeper: PresenceKeeper

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
  calls = []
  connections = new Connections(20)
  const call = (what: Call['what']) => (sockets: readonly LiveSocket[]) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    calls.push({ what, sockets: sockets.map(({ socketId }) => socketId), end: resolve })
    return promise
  }
  const nothing = async () => undefined
  const presence = {
    connected: call('connected'),
    disconnected: call('disconnected'),
    renewed: nothing,
    announceDue: nothing,
    online: async () => new Map(),
  }
  const { db } = connect({ url: 'postgres://127.0.0.1:1', applicationName: 'test' })
  keeper = new PresenceKeeper({ presence, connections, db, log: pino({ enabled: false }) })
})
afterEach(() => {
  connections.stop()
  vi.useRealTimers()
})

function socket(id: string): Connection {
  return { id, userId: `user of ${id}`, heardAtMs: 0, renewedAtMs: 0 } as unknown as Connection
}

const told = () => calls.map(({ what, sockets }) => ({ what, sockets }))

test('sockets that come and go together are one call each, in that order, and what comes meanwhile waits for the next', async () => {
  const [one, two, three] = [socket('1'), socket('2'), socket('3')]
  for (const it of [one, two]) {
    keeper.opened(it)
    expect(told()).toEqual([])
    await vi.advanceTimersByTimeAsync(GATHER_MS / 2)
  }
  expect(told()).toEqual([{ what: 'connected', sockets: ['1', '2'] }])
  keeper.closed(one)
  keeper.opened(three)
  await vi.advanceTimersByTimeAsync(10 * GATHER_MS)
  expect(calls).toHaveLength(1)
  calls[0]?.end()
  await vi.advanceTimersByTimeAsync(GATHER_MS)
  expect(told().slice(1)).toEqual([{ what: 'connected', sockets: ['3'] }])
  calls[1]?.end()
  await vi.advanceTimersByTimeAsync(0)
  expect(told().slice(2)).toEqual([{ what: 'disconnected', sockets: ['1'] }])
})

test('who comes and goes before it is told is not told of', async () => {
  const [one, two] = [socket('1'), socket('2')]
  for (const it of [one, two]) keeper.opened(it)
  keeper.closed(one)
  await vi.advanceTimersByTimeAsync(GATHER_MS)
  expect(told()).toEqual([{ what: 'connected', sockets: ['2'] }])
})
