import { describe, expect, test } from 'vitest'
import { check } from './check.ts'
import { BOTH, type ToldHistory, told, userOf, violated } from './told-history.ts'

/** Three messages that both have. */
const three = () => told().talks('ann', 'm1', BOTH).talks('bob', 'm2', BOTH).talks('ann', 'm3', BOTH)
/** The third is stored, and bob does not have it yet. */
const third = () => told().talks('ann', 'm1', BOTH).talks('bob', 'm2', BOTH).talks('ann', 'm3', ['ann'])

describe('I7', () => {
  test('a stream has no gap', () => {
    const history = told().talks('ann', 'm1', BOTH).talks('ann', 'm2', ['ann']).talks('ann', 'm3', BOTH)
    expect(violated(history.settles(BOTH))).toEqual(['I7'])
    expect(check(history.entries).counts).toMatchObject({ gaps: 1, reordered: 0 })
  })

  test.for([3, 2])('a stream repeats nothing: %s after 3', (seq) => {
    const history = three().gets('bob', seq)
    expect(violated(history.entries.filter(({ type }) => type !== 'phase'))).toContain('I7')
    expect(check(history.entries).counts).toMatchObject({ gaps: 0, reordered: 1 })
  })

  test('nothing comes before a room is joined', () => {
    const history = three().person('cat').connects('cat').gets('cat', 3)
    expect(violated(history.settles(BOTH))).toEqual(['I7'])
  })

  test('nothing comes of a room that was left', () => {
    const left = { type: 'left', client: 'bob', connection: 'bob-1', roomId: 'room' } as const
    expect(violated(third().say(left).gets('bob', 3).settles(BOTH))).toEqual(['I7'])
  })

  test('after another join what came before may come again', () => {
    const history = three().joins('bob', { afterSeq: 1 }).gets('bob', 2).gets('bob', 3)
    expect(violated(history.settles(BOTH))).toEqual([])
  })

  test('a stream that the server began anew goes on behind its head', () => {
    const history = third().joined('bob', { asked: false, recovered: false })
    expect(violated(history.talks('ann', 'm4', BOTH).settles(BOTH))).toEqual([])
  })
})

describe('I8', () => {
  const away = () => three().closes('bob').connects('bob', 'bob-2')
  const again = { connection: 'bob-2' }

  test.for([
    ['too early', 1],
    ['too late', 3],
  ] as const)('a stream does not begin %s after a resume', ([, seq]) => {
    const history = away().joins('bob', { afterSeq: 1, ...again })
    for (let at = seq; at <= 3; at += 1) history.gets('bob', at, again)
    expect(violated(history.settles(BOTH))).toEqual(['I8'])
  })

  test('it begins behind what was asked for', () => {
    const history = away().joins('bob', { afterSeq: 1, ...again })
    expect(violated(history.gets('bob', 2, again).gets('bob', 3, again).settles(BOTH))).toEqual([])
  })

  test('it begins behind the head when it could not be recovered', () => {
    const history = away().asksToJoin('bob', { afterSeq: 1, ...again })
    history.joined('bob', { recovered: false, reason: 'too_far', ...again })
    history.talks('ann', 'm4', ['ann']).gets('bob', 4, again)
    expect(violated(history.settles(BOTH))).toEqual([])
  })

  test('two joins under way are answered in turn', () => {
    const history = away()
      .asksToJoin('bob', { afterSeq: 1, ...again })
      .asksToJoin('bob', { ...again })
    history.joined('bob', again).gets('bob', 2, again).gets('bob', 3, again).joined('bob', again)
    expect(violated(history.talks('ann', 'm4', ['ann']).gets('bob', 4, again).settles(BOTH))).toEqual([])
  })

  test('the second of two joins may be answered when its client waits for no answer any more', () => {
    const history = away().asksToJoin('bob', { afterSeq: 1, ...again })
    history.asksToJoin('bob', { afterSeq: 1, ...again })
    for (const asked of [true, false]) {
      history
        .joined('bob', { asked, recovered: true, ...again })
        .gets('bob', 2, again)
        .gets('bob', 3, again)
    }
    expect(violated(history.settles(BOTH))).toEqual([])
  })

  test('a join that another overtook need not be answered', () => {
    const history = away().asksToJoin('bob', { afterSeq: 1, ...again })
    history
      .joins('bob', { afterSeq: 2, ...again })
      .gets('bob', 3, again)
      .joins('bob', { afterSeq: 3, ...again })
    expect(violated(history.talks('ann', 'm4', ['ann']).gets('bob', 4, again).settles(BOTH))).toEqual([])
  })

  test('a join is answered although something else in its room was refused meanwhile', () => {
    const refused = { type: 'joinRefused', client: 'bob', roomId: 'room', code: 'rate_limited' } as const
    const history = away()
      .asksToJoin('bob', { afterSeq: 1, ...again })
      .say({ ...refused, ...again })
    history.joined('bob', { asked: false, recovered: true, ...again })
    expect(violated(history.gets('bob', 2, again).gets('bob', 3, again).settles(BOTH))).toEqual([])
  })

  test('a refused join is not the one that is answered later', () => {
    const refused = { type: 'joinRefused', client: 'bob', roomId: 'room', code: 'unavailable' } as const
    const history = away()
      .asksToJoin('bob', again)
      .say({ ...refused, ...again })
    history.joins('bob', { afterSeq: 2, ...again }).gets('bob', 3, again)
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I8 of pages', () => {
  test.for([
    ['one row twice', [1, 2, 2, 3]],
    ['an order of its own', [1, 3, 2]],
  ] as const)('a page does not have %s', ([, seqs]) => {
    const history = three()
    history.reads('ann', { messages: seqs.map((seq) => history.at(seq)) })
    expect(violated(history.settles(BOTH))).toEqual(['I8'])
  })

  test('pages may show the same', () => {
    const history = three().reads('ann').reads('ann').reads('bob')
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I9', () => {
  test("a join's head reaches over what was seen before it was asked", () => {
    const history = three().person('cat').connects('cat').asksToJoin('cat').joined('cat', { headSeq: 2 })
    expect(violated(history.gets('cat', 3).settles(BOTH))).toEqual(['I9'])
  })

  test("a read's head reaches over what was seen before it was asked", () => {
    const history = three()
    history.reads('ann', { head: 2, messages: history.stored.slice(0, 2) })
    // It does not have what had been seen, either, but says nothing of it.
    expect(violated(history.settles(BOTH))).toEqual(['I9'])
  })

  test('what is seen while a join or a read is under way may be above their heads', () => {
    const history = told().talks('ann', 'm1', BOTH).person('cat').connects('cat').asksToJoin('cat')
    const read = history.asks('ann')
    history.talks('ann', 'm2', BOTH).joined('cat', { headSeq: 1 })
    history.page('ann', read, { head: 1, messages: history.stored.slice(0, 1) }).gets('cat', 2)
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I10', () => {
  const hole = () => told().talks('ann', 'm1', BOTH).sends('ann', 'm2').sends('bob', 'm3')
  const without2 = (history: ReturnType<typeof told>) => history.stored.filter(({ seq }) => seq !== 2)

  test('nothing comes below a head that was read before', () => {
    const history = hole().stores('ann', 'm2').stores('bob', 'm3')
    history.reads('ann', { messages: without2(history) })
    for (const reader of BOTH) history.gets(reader, 2).gets(reader, 3)
    expect(violated(history.settles(BOTH))).toEqual(['I10'])
  })

  test('a page with one row twice does not make up for the one that is missing', () => {
    const history = hole().stores('ann', 'm2').stores('bob', 'm3')
    history.reads('ann', { messages: [history.at(1), history.at(1), history.at(3)] })
    for (const reader of BOTH) history.gets(reader, 2).gets(reader, 3)
    expect(violated(history.settles(BOTH))).toEqual(['I10', 'I8'])
  })

  test('a page that was asked before a message was seen has it when its head is above it', () => {
    const history = hole().stores('ann', 'm2').stores('bob', 'm3')
    const read = history.asks('ann')
    for (const reader of BOTH) history.gets(reader, 2).gets(reader, 3)
    history.page('ann', read, { messages: without2(history) })
    expect(violated(history.settles(BOTH))).toEqual(['I10'])
  })

  test('a page need not show what was not asked for', () => {
    const history = three()
    const newest = { final: false, read: 'newest', roomId: 'room', client: 'ann' } as const
    history.say({ type: 'read', ...newest })
    history.page('ann', 'newest', { messages: history.stored.slice(1), hasMore: true })
    history.say({ type: 'read', ...newest, read: 'older', before: 2 })
    history.page('ann', 'older', { messages: history.stored.slice(0, 1) })
    history.page('ann', history.asks('ann', { after: 1 }), {
      messages: history.stored.slice(1, 2),
      hasMore: true,
    })
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I11', () => {
  test('what was seen live is in a page that is asked for later', () => {
    const history = three()
    history.reads('bob', { messages: history.stored.filter(({ seq }) => seq !== 2) })
    expect(violated(history.settles(BOTH))).toEqual(['I11'])
  })

  test('the oldest page goes down to the first message', () => {
    const history = three().say({
      ...{ type: 'read', client: 'bob', roomId: 'room', read: 'oldest', before: 3, final: false },
    })
    history.page('bob', 'oldest', { messages: history.stored.slice(1, 2) })
    expect(violated(history.settles(BOTH))).toEqual(['I11'])
  })

  test('a page that was asked for before may be without it', () => {
    const history = told().talks('ann', 'm1', BOTH)
    const read = history.asks('bob')
    history.talks('ann', 'm2', BOTH).page('bob', read, { head: 1, messages: history.stored.slice(0, 1) })
    expect(violated(history.settles(BOTH))).toEqual([])
  })
})

describe('I16', () => {
  test.for(['answer', 'members'] as const)('a read position does not decrease: %s', (how) => {
    expect(violated(three().cursor('ann', 3, how).cursor('ann', 2, how).settles(BOTH))).toEqual(['I16'])
  })

  test.for(['answer', 'frame', 'members'] as const)('a read position is not above the head: %s', (how) => {
    expect(violated(three().cursor('ann', 4, how).settles(BOTH))).toEqual(['I16'])
  })

  test('a read position is not above the head of its time', () => {
    expect(violated(three().cursor('ann', 4).talks('bob', 'm4', BOTH).settles(BOTH))).toEqual(['I16'])
    expect(violated(three().talks('bob', 'm4', BOTH).cursor('ann', 4).settles(BOTH))).toEqual([])
  })

  test.for([
    ['shows', (history: ToldHistory) => history.page('ann', history.asks('ann'))],
    ['is answered to a join', (history: ToldHistory) => history.joins('ann')],
    [
      'is answered to a repeat',
      (history: ToldHistory) => history.sends('ann', 'm1').acked('ann', 'm1', { seq: 1 }),
    ],
  ] as const)('a head is what %s', ([, known]) => {
    const history = known(told().sends('ann', 'm1').stores('ann', 'm1')).cursor('ann', 1)
    expect(violated(history.gets('ann', 1).gets('bob', 1).entries)).not.toContain('I16')
  })

  test('who is added finds the head, which nobody may have seen yet', () => {
    const unseen = (added: boolean) => {
      const history = told().sends('ann', 'm1').stores('ann', 'm1')
      if (added) history.changes('add', 'bob')
      return history.cursor('bob', 1).gets('ann', 1).gets('bob', 1)
    }
    expect(violated(unseen(true).entries)).not.toContain('I16')
    expect(violated(unseen(false).entries)).toContain('I16')
    const unsent = told().talks('ann', 'm1', BOTH).changes('add', 'bob')
    expect(violated(unsent.cursor('bob', 2).talks('ann', 'm2', BOTH).entries)).toContain('I16')
  })

  test('answers that overlap may come in either order', () => {
    const history = three()
    const asked = history.now
    expect(violated(history.cursor('ann', 3).cursor('ann', 2, 'answer', asked).settles(BOTH))).toEqual([])
  })

  test('frames may overtake each other', () => {
    expect(violated(three().cursor('ann', 3, 'frame').cursor('ann', 2, 'frame').settles(BOTH))).toEqual([])
  })

  test('each has a position of their own', () => {
    expect(violated(three().cursor('ann', 3).cursor('bob', 1).settles(BOTH))).toEqual([])
  })
})

describe('I17', () => {
  const asked = (afterMs: number, online: boolean | null) => {
    const history = three().closes('bob').wait(afterMs)
    return history
      .say({
        ...{ type: 'presence', client: 'ann', roomId: 'room', startedAt: history.now },
        online: { [userOf('ann')]: true, [userOf('bob')]: online },
      })
      .settles(BOTH)
  }

  test.for([true, null])('80 s after the last socket nobody is said to be %s', (online) => {
    expect(violated(asked(80_000, online))).toEqual(['I17'])
  })

  test('who has a socket is said to be online', () => {
    const history = three().wait(80_000)
    const online = { [userOf('ann')]: false, [userOf('bob')]: true }
    history.say({ type: 'presence', client: 'bob', roomId: 'room', startedAt: history.now, online })
    expect(violated(history.settles(BOTH))).toEqual(['I17'])
  })

  test('ghosts are let be for 80 s', () => {
    expect(violated(asked(79_999, true))).toEqual([])
    expect(violated(asked(80_000, false))).toEqual([])
  })
})
