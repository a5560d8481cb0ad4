import { describe, expect, test } from 'vitest'
import { BOTH, ROOM, type ToldHistory, told, violated } from './told-history.ts'

/** Acknowledged and live for both. */
function talk(history: ToldHistory, client: string, times: number): ToldHistory {
  for (let i = 0; i < times; i += 1) history.talks(client, `m${history.stored.length + 1}`, BOTH)
  return history
}

/** All faults are over, and both have had an ACK before. */
const healed = () => talk(talk(told(), 'ann', 1), 'bob', 1).phase('healed')
const ready = { type: 'ready' } as const

describe('I13', () => {
  const answered = (afterMs: number) =>
    talk(talk(healed().wait(afterMs).say(ready), 'ann', 5), 'bob', 5).settles(BOTH)

  test('services are connected within 15 s', () => {
    expect(violated(answered(14_990))).toEqual([])
    expect(violated(answered(15_000))).toEqual(['I13'])
  })

  test('services are connected at all', () => {
    expect(violated(talk(talk(healed(), 'ann', 5), 'bob', 5).settles(BOTH))).toEqual(['I13'])
  })

  test('to have been ready before the faults were over is not enough', () => {
    const history = talk(talk(told(), 'ann', 1), 'bob', 1)
      .say(ready)
      .phase('healed')
    expect(violated(talk(talk(history, 'ann', 5), 'bob', 5).settles(BOTH))).toEqual(['I13'])
  })

  const last = (readers: readonly string[]) =>
    talk(talk(healed().say(ready), 'ann', 5), 'bob', 5).talks('ann', 'last', readers)

  test('in the end everybody who is in the room has all of it', () => {
    expect(violated(last(['ann']).settles(BOTH))).toEqual(['I13'])
  })

  test('what comes when everything was to be settled comes too late', () => {
    const history = last(['ann']).phase('stopped').phase('settled').gets('bob', 13)
    expect(violated(history.reads('ann', { final: true }).entries)).toEqual(['I13'])
  })

  test('who was behind and loses the connection later was behind', () => {
    const history = last(['ann']).phase('stopped').phase('settled').closes('bob')
    expect(violated(history.reads('ann', { final: true }).entries)).toEqual(['I13'])
  })

  test('who was away need not have it', () => {
    const history = talk(talk(healed().say(ready), 'ann', 5), 'bob', 5).closes('bob')
    expect(violated(history.talks('ann', 'last', ['ann']).settles(BOTH))).toEqual([])
  })

  test('who comes back after the end may take its time', () => {
    const history = talk(talk(healed().say(ready), 'ann', 5), 'bob', 5).closes('bob')
    history.talks('ann', 'last', ['ann']).phase('stopped').phase('settled').connects('bob', 'bob-2')
    history.joins('bob', { afterSeq: 12, connection: 'bob-2' }).gets('bob', 13, { connection: 'bob-2' })
    expect(violated(history.reads('ann', { final: true }).entries)).toEqual([])
  })
})

describe('I14', () => {
  test('everybody gets five ACKs again', () => {
    const history = talk(talk(healed().say(ready), 'ann', 5), 'bob', 4)
    expect(violated(history.settles(BOTH))).toEqual(['I14'])
  })

  test('everybody gets them within 30 s', () => {
    const history = talk(healed().say(ready), 'ann', 5).wait(30_000)
    expect(violated(talk(history, 'bob', 5).settles(BOTH))).toEqual(['I14'])
  })

  /** Five of bob's sends are under way when the faults are over. */
  const waiting = () => {
    const history = talk(talk(told(), 'ann', 1), 'bob', 1)
    for (let seq = 3; seq <= 7; seq += 1) history.sends('bob', `m${seq}`)
    return history.phase('healed').say(ready)
  }
  const answered = (history: ToldHistory) => {
    for (let seq = 3; seq <= 7; seq += 1) {
      history.acked('bob', `m${seq}`).stores('bob', `m${seq}`).gets('ann', seq).gets('bob', seq)
    }
    return talk(history, 'ann', 5)
  }

  test('what was sent before the heal does not count', () => {
    expect(violated(answered(waiting()).settles(BOTH))).toEqual(['I14'])
    expect(violated(talk(answered(waiting()), 'bob', 5).settles(BOTH))).toEqual([])
  })

  test('nor do further attempts at it, but asking anew does', () => {
    const again = (attempt: number) => {
      const history = waiting()
      for (let seq = 3; seq <= 7; seq += 1) history.sends('bob', `m${seq}`, { attempt })
      return answered(history).settles(BOTH)
    }
    expect(violated(again(2))).toEqual(['I14'])
    expect(violated(again(1))).toEqual([])
  })

  test('who never sent anything needs none', () => {
    const history = told().enters('cat').talks('ann', 'm1', ['ann', 'bob', 'cat']).phase('healed').say(ready)
    for (let i = 2; i <= 6; i += 1) history.talks('ann', `m${i}`, ['ann', 'bob', 'cat'])
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I15', () => {
  const one = () => told().talks('ann', 'm1', BOTH)
  const stranger = () => one().person('eve', []).connects('eve')
  const removed = { type: 'removed', client: 'bob', connection: 'bob-1', roomId: ROOM } as const

  test('who was never a member gets no page', () => {
    expect(violated(stranger().reads('eve').settles(BOTH))).toEqual(['I15'])
  })

  test('who was never a member gets no message', () => {
    const history = stranger().joins('eve').talks('ann', 'm2', ['ann', 'bob', 'eve'])
    expect(violated(history.settles(BOTH))).toEqual(['I15'])
  })

  test('a removal ends live messages within 6 s', () => {
    const later = (ms: number) => one().changes('remove', 'bob').wait(ms).talks('ann', 'm2', BOTH)
    expect(violated(later(5_900).settles(['ann']))).toEqual([])
    expect(violated(later(6_000).settles(['ann']))).toEqual(['I15'])
  })

  test('nothing is read that was asked for after a removal', () => {
    expect(violated(one().changes('remove', 'bob').reads('bob').settles(['ann']))).toEqual(['I15'])
  })

  test('what was asked for before a removal may be answered after it', () => {
    const history = one()
    const read = history.asks('bob')
    expect(violated(history.changes('remove', 'bob').page('bob', read).settles(['ann']))).toEqual([])
  })

  test('nothing comes after the client was told of its removal', () => {
    const history = one().changes('remove', 'bob').say(removed).talks('ann', 'm2', BOTH)
    expect(violated(history.settles(['ann']))).toEqual(['I15', 'I7'])
  })

  test('who is added again gets everything again', () => {
    const history = one().changes('remove', 'bob').say(removed).changes('add', 'bob').joins('bob')
    expect(violated(history.wait(7_000).talks('ann', 'm2', BOTH).settles(BOTH))).toEqual([])
  })

  test('a removal that failed may not have taken effect', () => {
    const history = one()
    history.ends('remove', 'bob', history.begins('remove', 'bob'), 'failed').wait(7_000)
    expect(violated(history.talks('ann', 'm2', BOTH).reads('bob').settles(BOTH))).toEqual([])
  })

  test.for(['before', 'during'])('an addition begun %s a removal may be the last of the two', (when) => {
    const history = one()
    const [first, second] = when === 'before' ? (['add', 'remove'] as const) : (['remove', 'add'] as const)
    const ops = { [first]: history.begins(first, 'bob'), [second]: history.begins(second, 'bob') }
    history.ends('add', 'bob', ops.add ?? '').ends('remove', 'bob', ops.remove ?? '')
    expect(violated(history.wait(7_000).talks('ann', 'm2', BOTH).reads('bob').settles(BOTH))).toEqual([])
  })

  describe('what a removed member sends', () => {
    const fault = (phase: 'begin' | 'end') =>
      ({ type: 'fault', phase, fault: 'F12', act: 'a1', target: 'postgres' }) as const
    const gone = (history = one()) => history.changes('remove', 'bob').say(removed)
    const later = (history: ToldHistory, ms: number) =>
      violated(history.wait(ms).talks('bob', 'm2', ['ann']).settles(['ann']))

    test('does not come when it was sent more than 6 s after', () => {
      expect(later(gone(), 5_900)).toEqual([])
      expect(later(gone(), 6_000)).toEqual(['I15'])
    })

    test('may come for 60 s where a fault is under way', () => {
      expect(later(gone().say(fault('begin')), 59_900)).toEqual([])
      expect(later(gone().say(fault('begin')), 60_000)).toEqual(['I15'])
    })

    test('may come until 6 s after services had to be connected again', () => {
      const ended = () => gone(one().say(fault('begin'))).say(fault('end'))
      expect(later(ended(), 20_900)).toEqual([])
      expect(later(ended(), 21_000)).toEqual(['I15'])
    })

    const late = (ms = 10_000) => gone().wait(ms).sends('bob', 'm2')

    test('does not come in a page either', () => {
      expect(violated(late().stores('bob', 'm2').reads('ann').gets('ann', 2).settles(['ann']))).toEqual([
        'I15',
      ])
      expect(violated(late().settles(['ann']))).toEqual([])
    })

    test('is not accepted', () => {
      const stored = (history: ToldHistory) => history.stores('bob', 'm2').gets('ann', 2).settles(['ann'])
      expect(violated(stored(late().acked('bob', 'm2')))).toEqual(['I15'])
      expect(violated(late().failed('bob', 'm2', 'not_a_member').settles(['ann']))).toEqual([])
    })

    test('comes when it is repeated after the return', () => {
      const history = late(70_000).changes('add', 'bob').joins('bob').talks('bob', 'm2', BOTH)
      expect(violated(history.settles(BOTH))).toEqual([])
    })

    test('comes when it was sent in time and repeated later', () => {
      const history = one().sends('bob', 'm2')
      expect(violated(gone(history).wait(10_000).talks('bob', 'm2', ['ann']).settles(['ann']))).toEqual([])
    })
  })

  test('nothing is accepted from who was never a member', () => {
    expect(violated(stranger().talks('eve', 'm2', BOTH).settles(BOTH))).toEqual(['I15'])
    const refused = stranger().sends('eve', 'm2').failed('eve', 'm2', 'not_a_member')
    expect(violated(refused.settles(BOTH))).toEqual([])
  })

  test('who was never a member joins nothing', () => {
    expect(violated(stranger().joins('eve').settles(BOTH))).toEqual(['I15'])
    const code = 'not_a_member'
    const refused = stranger()
      .asksToJoin('eve')
      .say({ ...{ type: 'joinRefused', client: 'eve', connection: 'eve-1', roomId: ROOM }, code })
    expect(violated(refused.settles(BOTH))).toEqual([])
  })

  test('who was removed joins nothing any more, and again when added', () => {
    expect(violated(one().changes('remove', 'bob').wait(6_000).joins('bob').settles(['ann']))).toEqual([
      'I15',
    ])
    const history = one().changes('remove', 'bob').wait(6_000).changes('add', 'bob')
    expect(violated(history.joins('bob').settles(BOTH))).toEqual([])
  })
})
