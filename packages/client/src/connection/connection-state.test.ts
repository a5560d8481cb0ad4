import { CLOSE_CODES } from '@roomlog/protocol/wire'
import { describe, expect, test } from 'vitest'
import {
  type ConnectionEffect,
  type ConnectionEvent,
  type ConnectionState,
  IDLE,
  stepConnection,
} from './connection-state.ts'

/** What the last of these events brings about. */
function play(
  ...events: readonly ConnectionEvent[]
): readonly [ConnectionState, readonly ConnectionEffect[]] {
  return events.reduce<readonly [ConnectionState, readonly ConnectionEffect[]]>(
    ([state], event) => stepConnection(state, event),
    [IDLE, []],
  )
}

const OPEN = [{ type: 'start' }, { type: 'welcomed', connection: 1 }] as const
const closed = (code: number, connection = 1, livedMs = 0) =>
  ({ type: 'closed', connection, code, livedMs }) as const

describe('the table of close codes is obeyed', () => {
  test.each(Object.entries(CLOSE_CODES))('%s', (_name, { code, client }) => {
    const [state, effects] = play(...OPEN, closed(code))
    if (client === 'stop') {
      expect(state.phase).toEqual({ status: 'stopped', reason: 'closed', code })
      expect(effects).toEqual([])
    } else if (client === 'reauthenticate') expect(effects).toEqual([{ type: 'refresh' }])
    else expect(effects).toEqual([{ type: 'wait', minMs: 500, maxMs: 1000 }])
  })

  test('a code that it does not have is a loss', () => {
    expect(play(...OPEN, closed(4999))[0].phase.status).toBe('waiting')
  })
})

test('waits are drawn from half a second up to a ceiling that doubles to 20 s', () => {
  const events: ConnectionEvent[] = [{ type: 'start' }]
  const ceilings: number[] = []
  for (let connection = 1; connection <= 8; connection += 1) {
    events.push(closed(1006, connection))
    const [effect] = play(...events)[1]
    expect(effect).toMatchObject({ type: 'wait', minMs: 500 })
    if (effect?.type === 'wait') ceilings.push(effect.maxMs)
    events.push({ type: 'timer' })
  }
  expect(ceilings).toEqual([1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000])
})

test('a connection that held begins anew, one that was lost soon does not', () => {
  const twice = [...OPEN, closed(1006), { type: 'timer' }, { type: 'welcomed', connection: 2 }] as const
  expect(play(...twice, closed(1006, 2, 9_999))[1]).toEqual([{ type: 'wait', minMs: 500, maxMs: 2000 }])
  expect(play(...twice, closed(1006, 2, 10_000))[1]).toEqual([{ type: 'wait', minMs: 500, maxMs: 1000 }])
})

test('what somebody wakes is tried soon, but not at once', () => {
  const [, effects] = play(...OPEN, closed(1006), { type: 'wake' })
  expect(effects).toEqual([{ type: 'wait', minMs: 500, maxMs: 1000 }])
})

describe('a draining edge', () => {
  const draining = (afterMs: number) => ({ type: 'draining', connection: 1, afterMs }) as const

  test('is left at the slot that it gave', () => {
    expect(play(...OPEN, draining(7000))[1]).toEqual([{ type: 'wait', minMs: 7000, maxMs: 7000 }])
    expect(play(...OPEN, draining(7000), { type: 'timer' })[1]).toEqual([
      { type: 'close', connection: 1 },
      { type: 'open', connection: 2 },
    ])
  })

  test('is never left without a pause', () => {
    expect(play(...OPEN, draining(0))[1]).toEqual([{ type: 'wait', minMs: 500, maxMs: 500 }])
  })

  test('that closes before has its slot kept, whoever wakes', () => {
    const [, effects] = play(...OPEN, draining(7000), closed(1012), { type: 'wake' })
    expect(effects).toEqual([])
    expect(play(...OPEN, draining(7000), closed(1012), { type: 'timer' })[1]).toEqual([
      { type: 'open', connection: 2 },
    ])
  })
})

test('a token that was refused is replaced before the next attempt, again until that is possible', () => {
  const refused = [...OPEN, closed(4401)] as const
  expect(play(...refused, { type: 'refreshed' })[1]).toEqual([{ type: 'wait', minMs: 500, maxMs: 1000 }])
  expect(play(...refused, { type: 'refreshFailed' }, { type: 'timer' })[1]).toEqual([{ type: 'refresh' }])
  expect(play(...refused, { type: 'signedOut' })[0].phase).toEqual({
    status: 'stopped',
    reason: 'signed_out',
  })
})

test('an older socket counts for nothing', () => {
  const events = [...OPEN, closed(1006), { type: 'timer' }, { type: 'welcomed', connection: 2 }] as const
  expect(play(...events, closed(1002, 1))[0].phase.status).toBe('open')
  expect(play(...events, { type: 'draining', connection: 1, afterMs: 1 })[1]).toEqual([])
})

test('stopping closes what is open and waits for nothing', () => {
  expect(play(...OPEN, { type: 'stop' })[1]).toEqual([{ type: 'close', connection: 1 }])
  expect(play(...OPEN, closed(1006), { type: 'stop' }, { type: 'timer' })).toEqual([
    { ...IDLE, connections: 1 },
    [],
  ])
})
