import { modelRuns } from '@roomlog/testkit/model-runs'
import { array, assert as check, constantFrom, nat, property, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ACTS, MEMBERSHIP_ACTS, type Step, simulate } from '../../test/room-simulation.ts'
import type { RoomEvent, RoomRead, Row } from './room-events.ts'
import { RoomState } from './room-state.ts'

const runs = modelRuns()

describe('whatever is late, lost or repeated', () => {
  test.each([
    ['messages', ACTS],
    ['members', MEMBERSHIP_ACTS],
  ])(
    `nobody sees a gap, a repeat, or what is not for them: ${runs.numRuns} interleavings, much ado with %s`,
    async (_name, weights) => {
      const acts = Object.entries(weights).flatMap(([act, weight]) =>
        Array<Step[0]>(weight).fill(act as Step[0]),
      )
      const steps = array(tuple(constantFrom(...acts), nat(999), nat(999)), {
        minLength: 1,
        maxLength: 160,
        size: 'max',
      })
      await check(property(steps, simulate), runs)
    },
    600_000,
  )
})

interface Sub {
  readonly userId: string
  isBehind?: boolean
}

const MAX_RESUME = 1000
const STALE_AFTER_MS = 5000

function row(seq: number, bytes = 8): Row {
  return { seq, frame: Buffer.alloc(bytes, `${seq}`) }
}

function rows(first: number, last: number): readonly Row[] {
  return Array.from({ length: last - first + 1 }, (_, i) => row(first + i))
}

/** A room in which everything is answered when the test says so; what it asked for is told in short words. */
class Harness {
  readonly state = new RoomState<Sub>({
    maxResume: MAX_RESUME,
    keptBytes: () => this.keptBytes,
    isBehind: (sub) => sub.isBehind === true,
  })
  keptBytes = 1000
  nowMs = 0
  readonly #names = new Map<Sub, string>()

  sub(name: string, userId = name): Sub {
    const sub = { userId }
    this.#names.set(sub, name)
    return sub
  }

  apply(event: RoomEvent<Sub>): readonly string[] {
    return this.state.apply(event).map((effect) => {
      const seqs = 'rows' in effect ? ` ${effect.rows.map(({ seq }) => seq).join()}` : ''
      const names = 'sub' in effect ? [effect.sub] : 'subs' in effect ? effect.subs : []
      const about =
        effect.type === 'joined'
          ? ` ${[effect.headSeq, effect.recovered, effect.reason].filter((it) => it !== undefined).join(' ')}`
          : effect.type === 'refused'
            ? ` ${effect.code}`
            : 'afterSeq' in effect
              ? ` after ${effect.afterSeq}`
              : ''
      return [effect.type, ...names.map((sub) => this.#names.get(sub))].join(' ') + about + seqs
    })
  }

  join(sub: Sub, afterSeq?: number): readonly string[] {
    return this.apply({ type: 'join', sub, afterSeq, nowMs: this.nowMs })
  }

  read(
    sub: Sub,
    read: Partial<RoomRead> = {},
    asked: { head?: number; atMs?: number } = {},
  ): readonly string[] {
    return this.apply({
      type: 'read',
      sub,
      read: this.#read(read),
      askedHead: asked.head ?? this.state.head,
      askedAtMs: asked.atMs ?? this.nowMs,
      nowMs: this.nowMs,
    })
  }

  rows(read: Partial<RoomRead>, askedHead = this.state.head): readonly string[] {
    return this.apply({ type: 'rows', read: this.#read(read), askedHead, nowMs: this.nowMs })
  }

  message(seq: number, it: Row | undefined = row(seq)): readonly string[] {
    return this.heard(seq, it)
  }

  /** Heard of without its row. */
  rumour(seq: number): readonly string[] {
    return this.heard(seq, undefined)
  }

  heard(seq: number, it: Row | undefined, epoch: string | undefined = 'e'): readonly string[] {
    return this.apply({ type: 'messages', hints: [{ seq, epoch, row: it }], nowMs: this.nowMs })
  }

  checked(head: number, memberVersion = 1, askedHead = this.state.head): readonly string[] {
    const { nowMs } = this
    return this.apply({
      type: 'checked',
      head,
      memberVersion,
      epoch: 'e',
      askedHead,
      askedAtMs: nowMs,
      nowMs,
    })
  }

  members(version: number, members: readonly string[], asked: readonly string[], epoch = 'e') {
    return this.apply({
      type: 'members',
      version,
      members: new Set(members),
      asked: new Set(asked),
      head: this.state.head,
      epoch,
      askedHead: this.state.head,
      askedAtMs: this.nowMs,
      nowMs: this.nowMs,
    })
  }

  removed(userId: string, memberVersion: number): readonly string[] {
    return this.apply({ type: 'removed', userId, memberVersion })
  }

  flushed(...behind: readonly Sub[]): readonly string[] {
    return this.apply({ type: 'flushed', behind, nowMs: this.nowMs })
  }

  /** Of which all have been heard together. */
  messages(first: number, last: number): readonly string[] {
    const hints = rows(first, last).map((it) => ({ seq: it.seq, epoch: 'e', row: it }))
    return this.apply({ type: 'messages', hints, nowMs: this.nowMs })
  }

  /** A subscriber that is live at `head`. */
  live(name: string, head = 10, userId = name): Sub {
    const sub = this.sub(name, userId)
    this.join(sub)
    this.read(sub, { head })
    expect(this.state.isLive(sub)).toBe(true)
    return sub
  }

  #read(read: Partial<RoomRead>): RoomRead {
    const { memberVersion = 1, head = this.state.last, epoch = 'e', rows: found = [] } = read
    const { exists = true, isPrivate = false, isMember = true, hasMore = false } = read
    return { exists, isPrivate, isMember, memberVersion, head, epoch, rows: found, hasMore }
  }
}

describe('a join', () => {
  test('is answered with the head that was read, and live from there', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    expect(room.join(ann)).toEqual(['readJoin ann after undefined'])
    expect(room.state.isLive(ann)).toBe(false)
    expect(room.read(ann, { head: 7 })).toEqual(['joined ann 7'])
    expect(room.state.isLive(ann)).toBe(true)
    expect(room.message(8)).toEqual(['flush ann 8'])
  })

  test('takes nothing of an event for the head of the room', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann)
    expect(room.message(7)).toEqual([])
    expect(room.state.last).toBe(0)
    expect(room.read(ann, { head: 6 })).toEqual(['joined ann 6', 'readRows after 6'])
  })

  test.each([
    ['from the start', 0, 3, 'joined ann 3 true'],
    ['at the head', 3, 3, 'joined ann 3 true'],
    ['above the head', 4, 3, 'joined ann 3 false reset'],
    ['just near enough', 5, 5 + MAX_RESUME, `joined ann ${5 + MAX_RESUME} true`],
    ['too far', 5, 6 + MAX_RESUME, `joined ann ${6 + MAX_RESUME} false too_far`],
  ])('%s says what it recovers', (_name, afterSeq, head, answer) => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann, afterSeq)
    expect(room.read(ann, { head })[0]).toBe(answer)
  })

  test('writes pages, each read after the one before, then is live', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann, 1)
    const first = { head: 6, rows: rows(2, 3), hasMore: true }
    expect(room.read(ann, first)).toEqual(['joined ann 6 true', 'write ann 2,3', 'readPage ann after 3'])
    expect(room.read(ann, { head: 6, rows: rows(4, 5), hasMore: true })).toEqual([
      'write ann 4,5',
      'readPage ann after 5',
    ])
    expect(room.read(ann, { head: 6, rows: rows(6, 6) })).toEqual(['write ann 6'])
    expect(room.state.isLive(ann)).toBe(true)
  })

  test('whose answer brings no rows reads them as a page', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann, 1)
    expect(room.read(ann, { head: 3 })).toEqual(['joined ann 3 true', 'readPage ann after 1'])
  })

  test('below last takes the kept rows, and reads again where they do not reach down', () => {
    const room = new Harness()
    room.live('ann')
    room.message(11)
    room.flushed()
    room.message(12)
    room.flushed()
    const [bob, cid] = [room.sub('bob'), room.sub('cid')]
    room.join(bob)
    room.join(cid)
    // Both read before the messages.
    expect(room.read(bob, { head: 10 }, { head: 10 })).toEqual(['joined bob 10', 'write bob 11,12'])
    room.keptBytes = 8
    room.message(13)
    room.flushed()
    expect(room.read(cid, { head: 10 }, { head: 10 })).toEqual(['joined cid 10', 'readPage cid after 10'])
  })

  test('of a socket in which much waits takes no kept rows', () => {
    const room = new Harness()
    room.live('ann')
    room.message(11)
    const bob = room.sub('bob')
    bob.isBehind = true
    room.join(bob, 10)
    expect(room.read(bob, { head: 11 })).toEqual(['joined bob 11 true', 'readPage bob after 10'])
  })

  test('above last advances the room with its rows, if they reach down to it', () => {
    const room = new Harness()
    room.live('ann')
    const bob = room.sub('bob')
    room.join(bob, 9)
    expect(room.read(bob, { head: 12, rows: rows(10, 12) })).toEqual([
      'joined bob 12 true',
      'write bob 10,11,12',
      'flush ann 11,12',
    ])
    expect(room.state.isLive(bob)).toBe(true)
    room.flushed()
    expect(room.message(13)).toEqual(['flush ann bob 13'])
  })

  test('above last waits until the room has read up to it', () => {
    const room = new Harness()
    room.live('ann')
    const bob = room.sub('bob')
    room.join(bob)
    expect(room.read(bob, { head: 12 })).toEqual(['joined bob 12', 'readRows after 10'])
    expect(room.state.isLive(bob)).toBe(false)
    expect(room.rows({ head: 13, rows: rows(11, 13) })).toEqual(['write bob 13', 'flush ann 11,12,13'])
    expect(room.state.isLive(bob)).toBe(true)
  })

  test('of a stranger is refused, and tells nothing of a private room', () => {
    const room = new Harness()
    const [ann, bob, cid] = [room.sub('ann'), room.sub('bob'), room.sub('cid')]
    for (const sub of [ann, bob, cid]) room.join(sub)
    expect(room.read(ann, { isMember: false })).toEqual(['refused ann not_a_member'])
    expect(room.read(bob, { isMember: false, isPrivate: true })).toEqual(['refused bob room_not_found'])
    const nothing = { exists: false, isMember: false, memberVersion: 0, head: 0 }
    expect(room.read(cid, nothing)).toEqual(['refused cid room_not_found'])
    expect(room.state.isEmpty).toBe(true)
  })

  test('that cannot be read is refused for now', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann)
    expect(room.apply({ type: 'readFailed', sub: ann })).toEqual(['refused ann unavailable'])
    expect(room.state.isEmpty).toBe(true)
  })

  test('that was answered goes on where it stood when a page could not be read, at the next sweep', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann, 0)
    room.read(ann, { head: 4, rows: rows(1, 2), hasMore: true })
    expect(room.apply({ type: 'readFailed', sub: ann })).toEqual([])
    expect(room.message(5)).toEqual([])
    expect(room.checked(5)).toContain('readPage ann after 2')
    expect(room.read(ann, { head: 5, rows: rows(3, 5) })).toContain('write ann 3,4,5')
    expect(room.state.isLive(ann)).toBe(true)
  })

  test('is not written over a hole', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann, 0)
    expect(room.read(ann, { head: 3, rows: [row(1), row(3)] })).toEqual(['joined ann 3 true'])
    expect(room.checked(3)).toEqual(['readPage ann after 0'])
    expect(room.read(ann, { head: 3, rows: [] })).toEqual([])
    expect(room.checked(3)).toEqual(['readPage ann after 0'])
  })

  test('that left is not answered', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann)
    room.apply({ type: 'leave', sub: ann })
    expect(room.state.isEmpty).toBe(true)
    expect(room.read(ann)).toEqual([])
  })
})

describe('the live stream', () => {
  test('drops what it had, takes what is next, and reads what is missing', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.message(9)).toEqual([])
    expect(room.message(10)).toEqual([])
    expect(room.message(11)).toEqual(['flush ann 11'])
    room.flushed()
    expect(room.message(13)).toEqual(['readRows after 11'])
    expect(room.rows({ head: 13, rows: rows(12, 13) })).toEqual(['flush ann 12,13'])
  })

  test('reads what is told without its row', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.rumour(11)).toEqual(['readRows after 10'])
  })

  test('flushes one step at a time, and together what came meanwhile', () => {
    const room = new Harness()
    room.live('ann')
    room.message(11)
    expect(room.message(12)).toEqual([])
    expect(room.message(13)).toEqual([])
    expect(room.state.last).toBe(11)
    expect(room.flushed()).toEqual(['flush ann 12,13'])
  })

  test('flushes together what is heard of together', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.messages(11, 13)).toEqual(['flush ann 11,12,13'])
    expect(room.flushed()).toEqual([])
  })

  test('writes no more at once than a page has bytes', () => {
    const room = new Harness()
    room.live('ann')
    room.message(11)
    for (const seq of [12, 13, 14]) room.message(seq, row(seq, 100 * 1024))
    room.message(15, row(15, 300 * 1024))
    expect(room.flushed()).toEqual(['flush ann 12,13'])
    expect(room.flushed()).toEqual(['flush ann 14'])
    expect(room.flushed()).toEqual(['flush ann 15'])
  })

  test('holds 256 rows while a flush is under way, and reads the others', () => {
    const room = new Harness()
    room.live('ann', 0)
    room.message(1)
    for (const { seq } of rows(2, 300)) room.message(seq)
    const [flush] = room.flushed()
    expect(flush).toMatch(/^flush ann 2,.*,257$/)
    expect(room.flushed()).toEqual(['readRows after 257'])
  })

  test('goes on page by page when it is far behind and more keeps coming', () => {
    const room = new Harness()
    room.live('ann', 0)
    expect(room.message(500)).toEqual(['readRows after 0'])
    room.message(501)
    expect(room.rows({ head: 501, rows: rows(1, 100), hasMore: true })[0]).toMatch(/^flush ann 1,.*,100$/)
    room.message(502)
    expect(room.flushed()).toEqual(['readRows after 100'])
    room.rows({ head: 502, rows: rows(101, 200), hasMore: true })
    expect(room.flushed()).toEqual(['readRows after 200'])
  })

  test('forgets what it heard of that the database has not', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.rumour(99)).toEqual(['readRows after 10'])
    expect(room.rows({ head: 10 })).toEqual([])
    expect(room.message(11)).toEqual(['flush ann 11'])
    expect(room.flushed()).toEqual([])
  })

  test('does not ask again at once where a read brings nothing of what ought to be there', () => {
    const room = new Harness()
    room.live('ann')
    room.rumour(12)
    expect(room.rows({ head: 12, rows: [row(12)] })).toEqual([])
    room.checked(12)
    expect(room.checked(12)).toEqual(['readRows after 10'])
  })

  test('leaves a gap that could not be read to the next sweep', () => {
    const room = new Harness()
    room.live('ann')
    room.rumour(12)
    expect(room.apply({ type: 'rowsFailed' })).toEqual([])
    expect(room.checked(12)).toEqual(['readRows after 10'])
  })

  test('a flush is for who was live at its start, and is live no more after leaving', () => {
    const room = new Harness()
    const [ann, bob] = [room.live('ann'), room.live('bob')]
    room.message(11)
    const cid = room.sub('cid')
    room.join(cid)
    room.read(cid, { head: 11 })
    room.apply({ type: 'leave', sub: ann })
    expect([ann, bob, cid].map((sub) => room.state.isLive(sub))).toEqual([false, true, true])
    room.message(12)
    expect(room.flushed()).toEqual(['flush bob cid 12'])
  })

  test('who was passed over catches up from before the flush', () => {
    const room = new Harness()
    const [ann, bob] = [room.live('ann'), room.live('bob')]
    room.message(11)
    room.message(12)
    expect(room.flushed(ann)).toEqual(['readPage ann after 10', 'flush bob 12'])
    expect(room.state.isLive(ann)).toBe(false)
    expect(room.read(ann, { head: 12, rows: rows(11, 12) })).toEqual(['write ann 11,12'])
    expect([ann, bob].map((sub) => room.state.isLive(sub))).toEqual([true, true])
  })

  test('more than 1000 behind, everybody starts anew at the head', () => {
    const room = new Harness()
    room.live('ann')
    const bob = room.sub('bob')
    room.join(bob, 8)
    room.read(bob, { rows: rows(9, 9), hasMore: true })
    const head = 11 + MAX_RESUME
    expect(room.rumour(head)).toEqual(['readRows after 10'])
    expect(room.rows({ head, rows: rows(11, 20), hasMore: true })).toEqual([
      `joined ann ${head} false too_far`,
    ])
    expect(room.message(head + 1)).toEqual([`flush ann ${head + 1}`])
    // Who is joining was promised everything.
    expect(room.read(bob, { head: head + 1, rows: rows(10, 20), hasMore: true })).toContain(
      'readPage bob after 20',
    )
  })

  test('a new start waits for the flush under way', () => {
    const room = new Harness()
    room.live('ann')
    const head = 20 + MAX_RESUME
    room.rumour(head)
    room.message(11)
    expect(room.rows({ head, rows: rows(11, 12), hasMore: true })).toEqual([])
    expect(room.flushed()).toEqual(['flush ann 12'])
    expect(room.flushed()).toEqual(['readRows after 12'])
    expect(room.rows({ head, rows: rows(13, 14), hasMore: true })).toEqual([
      `joined ann ${head} false too_far`,
    ])
  })
})

describe('the sweep', () => {
  test('fills a room that is still below the head of one sweep before', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.checked(12)).toEqual([])
    expect(room.checked(13)).toEqual(['readRows after 10'])
  })

  test('without it for 5 s, nothing is delivered and nobody is let in, until it has looked', () => {
    const room = new Harness()
    room.live('ann')
    room.nowMs = STALE_AFTER_MS
    expect(room.message(11)).toEqual(['flush ann 11'])
    room.flushed()
    room.nowMs += 1
    expect(room.message(12)).toEqual([])
    expect(room.rumour(13)).toEqual([])
    expect(room.join(room.sub('bob'))).toEqual(['refused bob unavailable'])
    expect(room.checked(13)).toEqual(['flush ann 12'])
    expect(room.flushed()).toEqual(['readRows after 12'])
    expect(room.join(room.sub('cid'))).toEqual(['readJoin cid after undefined'])
  })

  test('counts from when it asked', () => {
    const room = new Harness()
    room.live('ann')
    room.nowMs = 9000
    const late = { head: 10, memberVersion: 1, epoch: 'e', askedHead: 10, askedAtMs: 3000, nowMs: 9000 }
    room.apply({ type: 'checked', ...late })
    expect(room.message(11)).toEqual([])
  })

  test('the first read of a room counts as one', () => {
    const room = new Harness()
    room.nowMs = 9000
    room.live('ann')
    expect(room.join(room.sub('bob'))).toEqual(['readJoin bob after undefined'])
  })

  test('a room that nobody was let into yet refuses nobody', () => {
    const room = new Harness()
    room.join(room.sub('ann'))
    room.nowMs = 9000
    expect(room.join(room.sub('bob'))).toEqual(['readJoin bob after undefined'])
    expect(room.checked(3)).toEqual([])
  })

  test('a read that took longer than 5 s lets nobody in, and writes nothing', () => {
    const room = new Harness()
    room.live('ann')
    const [bob, cid] = [room.sub('bob'), room.sub('cid')]
    room.join(bob, 8)
    room.join(cid, 8)
    room.read(bob, { rows: rows(9, 9), hasMore: true })
    room.nowMs = 6000
    expect(room.read(bob, { rows: rows(10, 10) }, { atMs: 0 })).toEqual([])
    expect(room.read(cid, { rows: rows(9, 10) }, { atMs: 0 })).toEqual(['refused cid unavailable'])
    expect(room.checked(10)).toEqual(['readPage bob after 9'])
  })

  test('keeps no more rows than are allowed by now', () => {
    const room = new Harness()
    room.live('ann')
    room.message(11)
    room.flushed()
    room.keptBytes = 0
    room.checked(11)
    const bob = room.sub('bob')
    room.join(bob)
    expect(room.read(bob, { head: 10 }, { head: 10 })).toEqual(['joined bob 10', 'readPage bob after 10'])
  })
})

describe('a restore', () => {
  test.each([
    ['a sweep', (room: Harness) => room.checked(9)],
    ['a gap', (room: Harness) => [...room.rumour(12).slice(1), ...room.rows({ head: 9 })]],
    [
      'a join',
      (room: Harness) => {
        const bob = room.sub('bob')
        room.join(bob)
        return room.read(bob, { head: 9 })
      },
    ],
  ])('that %s shows closes everybody', (_name, look) => {
    const room = new Harness()
    room.live('ann')
    expect(look(room).at(-1)).toMatch(/^restored ann/)
    expect(room.state.isEmpty).toBe(true)
  })

  test('shows by the members of another epoch, where versions mean something else', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.members(1, ['ann'], ['ann'], 'f')).toEqual(['restored ann'])
  })

  test('shows by another epoch too', () => {
    const room = new Harness()
    room.live('ann')
    const bob = room.sub('bob')
    room.join(bob)
    expect(room.read(bob, { head: 12, epoch: 'f' })).toEqual(['restored ann bob'])
  })

  test('is none when the head was lower only because it was asked before', () => {
    const room = new Harness()
    room.live('ann')
    room.message(11)
    expect(room.checked(10, 1, 10)).toEqual([])
  })

  test('shows by a head below what somebody was written, though the room is not there yet', () => {
    const room = new Harness()
    room.live('ann')
    const bob = room.sub('bob')
    room.join(bob)
    room.read(bob, { head: 12 })
    expect(room.rows({ head: 11, rows: rows(11, 11) })).toEqual(['restored ann bob'])
  })

  test('is done with what was stored before it: the message of another epoch is none of this one', () => {
    const room = new Harness()
    room.live('ann')
    expect(room.heard(11, row(11), 'd')).toEqual([])
    // An earlier build does not say.
    expect(room.heard(11, row(11), undefined)).toEqual(['flush ann 11'])
  })

  test('serves nobody of a flush under way', () => {
    const room = new Harness()
    const ann = room.live('ann')
    room.message(11)
    room.checked(9)
    expect(room.state.isLive(ann)).toBe(false)
  })
})

describe('membership', () => {
  test('a newer version has everybody looked up; until then it is no check', () => {
    const room = new Harness()
    const [ann, bob] = [room.live('ann'), room.live('bob')]
    room.nowMs = 5001
    expect(room.checked(10, 2)).toEqual(['readMembers'])
    expect(room.message(11)).toEqual([])
    expect(room.members(2, ['ann'], ['ann', 'bob'])).toEqual(['evicted bob', 'flush ann 11'])
    expect([ann, bob].map((sub) => room.state.isLive(sub))).toEqual([true, false])
    expect(room.checked(11, 2)).toEqual([])
  })

  test('who came after the members were asked for is neither evicted nor taken as looked up', () => {
    const room = new Harness()
    room.live('ann')
    room.checked(10, 2)
    // Let in by a read older than the answer.
    const bob = room.live('bob')
    expect(room.members(2, ['ann'], ['ann'])).toEqual(['readMembers'])
    expect(room.state.isLive(bob)).toBe(true)
    expect(room.checked(10, 2)).toEqual(['readMembers'])
    expect(room.members(2, ['ann'], ['ann', 'bob'])).toEqual(['evicted bob'])
    expect(room.checked(10, 2)).toEqual([])
  })

  test('who was let in by a newer read stays', () => {
    const room = new Harness()
    room.live('ann')
    room.checked(10, 2)
    const bob = room.sub('bob')
    room.join(bob)
    room.read(bob, { memberVersion: 3 })
    expect(room.members(2, ['ann'], ['ann', 'bob'])).toEqual([])
    expect(room.removed('bob', 3)).toEqual([])
    expect(room.state.isLive(bob)).toBe(true)
  })

  test('an older answer changes nothing', () => {
    const room = new Harness()
    room.live('ann')
    room.members(3, ['ann'], ['ann'])
    expect(room.members(2, [], ['ann'])).toEqual([])
    expect(room.checked(10, 3)).toEqual([])
  })

  test('a join that read an older version than the room knows reads again, and never raises the room’s', () => {
    const room = new Harness()
    room.live('ann')
    const [bob, cid] = [room.sub('bob'), room.sub('cid')]
    room.join(bob)
    room.members(2, ['ann'], ['ann'])
    expect(room.read(bob, { memberVersion: 1 })).toEqual(['readJoin bob after undefined'])
    expect(room.read(bob, { memberVersion: 2 })).toEqual(['joined bob 10'])
    room.join(cid)
    room.read(cid, { memberVersion: 5 })
    expect(room.checked(10, 5)).toEqual(['readMembers'])
  })

  test('a removal evicts the user’s sockets that were let in below its version, at once', () => {
    const room = new Harness()
    const [ann, bob] = [room.live('ann'), room.live('bob')]
    const paging = room.sub('paging', 'bob')
    room.join(paging, 0)
    room.read(paging, { rows: rows(1, 2), hasMore: true })
    expect(room.removed('bob', 2)).toEqual(['evicted bob', 'evicted paging'])
    expect([ann, bob].map((sub) => room.state.isLive(sub))).toEqual([true, false])
    expect(room.read(paging, { rows: rows(3, 4), memberVersion: 1 })).toEqual([])
  })

  test('a removal that is heard of late leaves who came back', () => {
    const room = new Harness()
    const ann = room.live('ann')
    const paging = room.sub('paging', 'ann')
    room.join(paging, 0)
    room.read(paging, { rows: rows(1, 2), hasMore: true })
    room.members(2, ['ann'], ['ann'])
    expect(room.removed('ann', 2)).toEqual([])
    expect(room.state.isLive(ann)).toBe(true)
    expect(room.state.subscribers).toContain(paging)
  })

  test('a join whose read is older than a removal reads again', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann)
    room.removed('ann', 3)
    // An older one, late.
    room.removed('ann', 2)
    expect(room.read(ann, { memberVersion: 2 })).toEqual(['readJoin ann after undefined'])
    expect(room.read(ann, { memberVersion: 3, isMember: false })).toEqual(['refused ann not_a_member'])
  })

  test('a version that the database does not have is not read for ever', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann)
    room.removed('ann', 9)
    expect(room.read(ann, { memberVersion: 2 })).toEqual(['readJoin ann after undefined'])
    expect(room.read(ann, { memberVersion: 2 })).toEqual(['refused ann unavailable'])
  })

  test('a page that shows no member any more evicts', () => {
    const room = new Harness()
    const ann = room.sub('ann')
    room.join(ann, 0)
    room.read(ann, { head: 4, rows: rows(1, 2), hasMore: true })
    expect(room.read(ann, { head: 4, isMember: false, memberVersion: 2 })).toEqual(['evicted ann'])
  })
})
