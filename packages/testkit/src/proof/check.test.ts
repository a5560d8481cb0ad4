import { describe, expect, test } from 'vitest'
import { check } from './check.ts'
import { BOTH, ROOM, row, type ToldHistory, told, violated } from './told-history.ts'

/** One message, m1, that both have. */
const one = () => told().talks('ann', 'm1', BOTH)

test('a good history violates nothing', () => {
  const history = one().talks('bob', 'm2', BOTH).settles(BOTH)
  expect(check(history)).toMatchObject({
    violations: [],
    totals: {},
    counts: {
      ...{ operations: 2, acked: 2, failed: 0, unknown: 0, lost: 0, duplicated: 0, gaps: 0, reordered: 0 },
      ...{ observations: 8, messages: 2 },
    },
    deliveryMs: { n: 2, max: 20 },
  })
})

test('what a history cannot show is said not to be judged', () => {
  const history = one().phase('stopped').phase('settled').reads('ann', { final: true })
  expect(check(history.entries)).toMatchObject({ totals: {}, notJudged: ['I13', 'I14'] })
  expect(check(one().phase('healed').entries)).toMatchObject({ notJudged: ['I13', 'I14'] })
  const healed = one().phase('healed').say({ type: 'ready' })
  expect(check(healed.settles(BOTH))).toMatchObject({ totals: { I14: 1 }, notJudged: [] })
})

test('of each violation twenty are listed and all are counted', () => {
  const history = told()
  for (let i = 1; i <= 25; i += 1) history.sends('ann', `m${i}`).acked('ann', `m${i}`)
  const { violations, totals } = check(history.settles(BOTH))
  expect(violations).toHaveLength(20)
  expect(totals).toEqual({ I1: 25 })
})

describe('from the ACK until a message has come', () => {
  const deliveryMs = (history: ToldHistory) => check(history.settles(BOTH)).deliveryMs
  const acked = () => one().sends('ann', 'm2').acked('ann', 'm2').stores('ann', 'm2').gets('ann', 2)

  test('it counts who was in the room all the time', () => {
    expect(deliveryMs(acked().wait(500).gets('bob', 2))).toMatchObject({ n: 2, max: 520 })
  })

  test('it may come before the ACK', () => {
    const history = one().sends('ann', 'm2').stores('ann', 'm2').gets('ann', 2).gets('bob', 2)
    expect(deliveryMs(history.acked('ann', 'm2'))).toMatchObject({ n: 2, p50: 0, max: 20 })
  })

  const back = { connection: 'bob-2' }

  test('it does not count who was away then and resumed later', () => {
    const history = one().closes('bob').sends('ann', 'm2').acked('ann', 'm2').stores('ann', 'm2')
    history
      .gets('ann', 2)
      .wait(500)
      .connects('bob', 'bob-2')
      .joins('bob', { afterSeq: 1, ...back })
    expect(deliveryMs(history.gets('bob', 2, back))).toMatchObject({ n: 2, max: 20 })
  })

  test('nor who went away before it came', () => {
    const history = acked().closes('bob').wait(500).connects('bob', 'bob-2')
    history.joins('bob', { afterSeq: 1, ...back })
    expect(deliveryMs(history.gets('bob', 2, back))).toMatchObject({ n: 2, max: 20 })
  })

  test('nor who left the room before it came and joined again', () => {
    const history = acked().say({ type: 'leave', client: 'bob', connection: 'bob-1', roomId: ROOM })
    history.wait(500).joins('bob', { afterSeq: 1 })
    expect(deliveryMs(history.gets('bob', 2))).toMatchObject({ n: 2, max: 20 })
  })

  test('of two bodies with one name each has its own ACK', () => {
    const later = one().sends('ann', 'm1', { body: 'later' })
    expect(deliveryMs(later)).toMatchObject({ n: 1, max: 20 })
    const alsoAcked = one().sends('ann', 'm1', { body: 'later' }).acked('ann', 'm1', { body: 'later' })
    expect(deliveryMs(alsoAcked)).toMatchObject({ n: 1, max: 20 })
  })

  test('its first sight counts', () => {
    const history = one().sends('ann', 'm2').stores('ann', 'm2').gets('ann', 2).gets('bob', 2)
    history.joins('bob', { afterSeq: 1 }).acked('ann', 'm2').wait(500).gets('bob', 2)
    expect(deliveryMs(history)).toMatchObject({ n: 2, max: 20 })
  })
})

describe('I1', () => {
  test('an acknowledged message that nobody finds is lost', () => {
    const history = one().sends('ann', 'm2').acked('ann', 'm2').settles(BOTH)
    expect(violated(history)).toEqual(['I1'])
    expect(check(history).counts.lost).toBe(1)
  })

  test('one that was seen and is not there at the end is lost, whatever its answer was', () => {
    const history = one().sends('ann', 'm2').stores('ann', 'm2')
    for (const reader of BOTH) history.gets(reader, 2)
    history.stored.pop()
    // The head went back, too.
    expect(violated(history.settles(BOTH))).toEqual(['I1', 'I9'])
  })

  test.for(['not_a_member', 'invalid'])('none is rejected with %s', (code) => {
    expect(violated(one().rejected('ann', 'm1', code).settles(BOTH))).toEqual(['I1'])
  })

  test('none is rejected as a reuse of a name that was used once', () => {
    expect(violated(one().rejected('ann', 'm1', 'client_msg_id_reused').settles(BOTH))).toEqual(['I1'])
  })

  test('nothing is rejected that was never sent', () => {
    expect(violated(one().rejected('ann', 'm9', 'client_msg_id_reused').settles(BOTH))).toEqual(['I1'])
  })
})

test('I2: a message has one row', () => {
  const again = one().stores('ann', 'm1')
  again.stored[1] = { ...again.at(2), id: 'another' }
  expect(violated(again.gets('ann', 2).gets('bob', 2).settles(BOTH))).toEqual(['I2'])
  expect(check(again.entries).counts.duplicated).toBe(1)
})

describe('I3', () => {
  test.for([
    ['nobody sent', row(2, 'ann', 'm2')],
    ['another sent', row(2, 'bob', 'm1')],
    ['was sent with another body', row(2, 'ann', 'sent', 'changed')],
  ] as const)('none is seen that %s', ([, seen]) => {
    const history = one().sends('ann', 'sent')
    history.stored.push({ ...seen, id: 'other' })
    expect(violated(history.gets('ann', 2).gets('bob', 2).settles(BOTH))).toEqual(['I3'])
  })

  test('none is seen in another room than it was sent to', () => {
    const history = told().sends('ann', 'm1', { roomId: 'elsewhere' }).stores('ann', 'm1')
    expect(violated(history.gets('ann', 1).gets('bob', 1).settles(BOTH))).toEqual(['I3'])
  })

  test('none is seen before it is sent', () => {
    const history = told().stores('ann', 'm1').gets('ann', 1).gets('bob', 1)
    expect(violated(history.sends('ann', 'm1').acked('ann', 'm1').settles(BOTH))).toEqual(['I3'])
  })
})

describe('I4', () => {
  test('a message of which every attempt failed is never seen', () => {
    const history = told().sends('ann', 'm1').failed('ann', 'm1', 'overloaded').stores('ann', 'm1')
    expect(violated(history.gets('ann', 1).gets('bob', 1).settles(BOTH))).toEqual(['I4'])
  })

  test('one that failed and was not seen has failed', () => {
    const history = one().sends('ann', 'm2').failed('ann', 'm2', 'overloaded').settles(BOTH)
    expect(check(history)).toMatchObject({ totals: {}, counts: { failed: 1, unknown: 0 } })
  })

  test('one that failed and was acknowledged when it was repeated is ok', () => {
    const history = told().sends('ann', 'm1').failed('ann', 'm1', 'overloaded')
    expect(violated(history.talks('ann', 'm1', BOTH).settles(BOTH))).toEqual([])
  })

  /** So many attempts have failed. */
  const failedWith = (...codes: readonly string[]) => {
    const history = told()
    for (const code of codes) history.sends('ann', 'm1').failed('ann', 'm1', code)
    return history
  }
  const seen = (history: ToldHistory) => history.stores('ann', 'm1').gets('ann', 1).gets('bob', 1)
  const acceptedAgain = (history: ToldHistory) =>
    violated(history.sends('ann', 'm1').acked('ann', 'm1').settles(BOTH))

  test('one that was seen when every attempt had failed is not mended by a later one', () => {
    expect(acceptedAgain(seen(failedWith('overloaded')))).toEqual(['I4'])
    expect(acceptedAgain(seen(failedWith('overloaded', 'rate_limited')))).toEqual(['I4'])
  })

  test('nor when an attempt under way failed afterwards', () => {
    const history = seen(failedWith('overloaded').sends('ann', 'm1'))
    expect(acceptedAgain(history.failed('ann', 'm1', 'overloaded'))).toEqual(['I4'])
  })

  test('one that was seen while an attempt is under way may be of that attempt', () => {
    const history = seen(failedWith('overloaded').sends('ann', 'm1')).acked('ann', 'm1')
    expect(violated(history.settles(BOTH))).toEqual([])
  })

  test('one that was seen may be of an attempt of which the outcome is unknown', () => {
    expect(acceptedAgain(seen(failedWith('unavailable', 'overloaded')))).toEqual([])
    const history = seen(failedWith('overloaded').sends('ann', 'm1'))
    expect(acceptedAgain(history.sends('ann', 'm1').failed('ann', 'm1', 'overloaded'))).toEqual([])
  })
})

describe.for(['unavailable', undefined])('an attempt that was answered with %s', (code) => {
  const asked = () => {
    const history = one().sends('ann', 'm2')
    return code === undefined ? history : history.failed('ann', 'm2', code)
  }

  test('may have been stored', () => {
    const history = asked().stores('ann', 'm2').gets('ann', 2).gets('bob', 2).settles(BOTH)
    expect(check(history)).toMatchObject({ totals: {}, counts: { unknown: 1, failed: 0 } })
  })

  test('may not have been stored', () => {
    expect(check(asked().settles(BOTH))).toMatchObject({ totals: {}, counts: { unknown: 1, lost: 0 } })
  })

  test('leaves open what became of it when another attempt failed', () => {
    const history = asked().sends('ann', 'm2').failed('ann', 'm2', 'overloaded')
    expect(violated(history.stores('ann', 'm2').gets('ann', 2).gets('bob', 2).settles(BOTH))).toEqual([])
  })
})

describe('I5', () => {
  test('two observers do not see two messages at one seq', () => {
    const history = told().sends('ann', 'm1').sends('bob', 'm2').stores('ann', 'm1')
    history.gets('ann', 1).gets('bob', 1, row(1, 'bob', 'm2'))
    expect(violated(history.settles(BOTH))).toEqual(['I1', 'I5'])
  })

  test('one id is not at two seqs', () => {
    const history = told().talks('ann', 'm1', BOTH).sends('ann', 'm2').stores('ann', 'm2')
    history.stored[1] = { ...history.at(2), id: history.at(1).id }
    expect(violated(history.gets('ann', 2).gets('bob', 2).settles(BOTH))).toEqual(['I5'])
  })

  test('one message does not have two ids', () => {
    const history = told().talks('ann', 'm1', ['ann']).gets('bob', 1, { id: 'another' })
    expect(violated(history.settles(BOTH))).toEqual(['I2', 'I5'])
  })
})

describe('I6', () => {
  test('a room has no hole', () => {
    const history = told().sends('ann', 'm1').stores('nobody', 'hole').stores('ann', 'm1').acked('ann', 'm1')
    const messages = [row(2, 'ann', 'm1')]
    expect(violated(history.settles(BOTH, { messages, head: 2 }))).toEqual(['I6'])
  })

  test('a room has nothing above its head', () => {
    expect(violated(one().talks('ann', 'm2', BOTH).settles(BOTH, { head: 1 }))).toEqual(['I6', 'I9'])
  })
})

describe('I12', () => {
  test('what another client sends after an ACK stands behind it', () => {
    const history = told().sends('ann', 'm1').acked('ann', 'm1').sends('bob', 'm2').acked('bob', 'm2')
    history.stores('bob', 'm2').stores('ann', 'm1')
    for (const reader of BOTH) history.gets(reader, 1).gets(reader, 2)
    expect(violated(history.settles(BOTH))).toEqual(['I12'])
  })

  test('sends that overlap may stand in either order', () => {
    const history = told().sends('ann', 'm1').sends('bob', 'm2').acked('ann', 'm1').acked('bob', 'm2')
    history.stores('bob', 'm2').stores('ann', 'm1')
    for (const reader of BOTH) history.gets(reader, 1).gets(reader, 2)
    expect(violated(history.settles(BOTH))).toEqual([])
  })

  test('of a message that was repeated the first attempt may be the one that was stored', () => {
    const history = told().sends('bob', 'm2').sends('ann', 'm1').acked('ann', 'm1').sends('bob', 'm2')
    history.acked('bob', 'm2').stores('bob', 'm2').stores('ann', 'm1')
    for (const reader of BOTH) history.gets(reader, 1).gets(reader, 2)
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I18', () => {
  test('a repeat is answered with the seq of its message', () => {
    const history = one().talks('bob', 'm2', BOTH).sends('ann', 'm1').acked('ann', 'm1', { seq: 1 })
    expect(violated(history.settles(BOTH))).toEqual([])
    expect(violated(history.sends('ann', 'm1').acked('ann', 'm1', { seq: 2 }).settles(BOTH))).toContain('I18')
  })

  test('two repeats are not answered with two seqs, one of them right', () => {
    const history = one().sends('ann', 'm1').acked('ann', 'm1', { seq: 1 }).sends('ann', 'm1')
    expect(violated(history.acked('ann', 'm1', { seq: 2 }).settles(BOTH))).toEqual(['I18'])
  })

  const reused = () => one().sends('ann', 'm1', { body: 'later' }).acked('ann', 'm1', { body: 'later' })

  test('of two bodies the later is rejected', () => {
    expect(violated(reused().rejected('ann', 'm1', 'client_msg_id_reused').settles(BOTH))).toEqual([])
  })

  test('of two bodies the later is not told of when its sender is away', () => {
    expect(violated(reused().closes('ann').settles(BOTH))).toEqual([])
  })

  test('two bodies are not two rows', () => {
    const history = reused().stores('ann', 'm1', 'later')
    history.stored[1] = { ...history.at(2), id: 'another' }
    expect(violated(history.gets('ann', 2).gets('bob', 2).settles(BOTH))).toEqual(['I18', 'I2'])
  })

  test('a later body does not replace the stored one', () => {
    const history = reused()
    history.stored[0] = { ...history.at(1), body: 'later' }
    expect(violated(history.settles(BOTH))).toEqual(['I18', 'I5'])
  })

  test('a later body is not stored in place of one that was acknowledged before', () => {
    const history = told().sends('ann', 'm1').acked('ann', 'm1').sends('ann', 'm1', { body: 'later' })
    history.stores('ann', 'm1', 'later').gets('ann', 1).gets('bob', 1)
    expect(violated(history.settles(BOTH))).toEqual(['I18'])
  })

  test('of two bodies under way at once either may be stored', () => {
    const history = told().sends('ann', 'm1').sends('ann', 'm1', { body: 'later' }).acked('ann', 'm1')
    history.stores('ann', 'm1', 'later').gets('ann', 1).gets('bob', 1)
    expect(violated(history.rejected('ann', 'm1', 'client_msg_id_reused').settles(BOTH))).toEqual([])
  })
})

describe('what the run itself noticed', () => {
  test('trouble is a violation', () => {
    expect(violated(one().say({ type: 'trouble', what: 'ended' }).settles(BOTH))).toEqual(['trouble'])
  })

  test.for([
    [true, []],
    [false, ['F7']],
  ] as const)('a bound that is kept: %s', ([ok, names]) => {
    const history = one().say({ type: 'bound', fault: 'F7', what: 'stall', measured: 11, limit: 10, ok })
    expect(violated(history.settles(BOTH))).toEqual(names)
  })
})

test('rooms are judged apart', () => {
  const history = one()
  const live = { ...row(1, 'ann', 'm1'), type: 'live', client: 'ann', connection: 'ann-1' } as const
  expect(violated(history.say({ ...live, roomId: `${ROOM}-2` }).settles(BOTH))).toEqual([
    'I15',
    'I3',
    'I5',
    'I7',
  ])
})
