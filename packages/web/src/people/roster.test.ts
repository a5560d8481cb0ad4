import type { Member } from '@roomlog/client'
import { expect, test } from 'vitest'
import {
  memberCountOf,
  onlineOthers,
  type Roster,
  readersOf,
  sortedMembers,
  stepRoster,
  UNREAD_ROSTER,
} from './roster.ts'

function member(id: string, facts: Partial<Member> = {}): Member {
  const user = { id, username: id, displayName: id.toUpperCase(), createdAt: '' }
  return { user, role: 'member', online: false, joinedAt: '', lastReadSeq: 0, ...facts }
}

function rosterOf(...members: Member[]): Roster {
  return stepRoster(UNREAD_ROSTER, { type: 'read', members, nextCursor: null })
}

test('who comes and goes is counted, oneself left out', () => {
  const roster = rosterOf(member('ada', { online: true }), member('grace'), member('linus', { online: null }))
  expect(onlineOthers(roster, 'ada')).toBe(0)
  const later = stepRoster(roster, { type: 'presence', userId: 'grace', online: true })
  expect([onlineOthers(later, 'ada'), onlineOthers(later, 'linus')]).toEqual([1, 2])
})

test('a read position only rises, and one of a stranger changes nothing', () => {
  const roster = rosterOf(member('ada'), member('grace', { lastReadSeq: 5 }))
  const back = stepRoster(roster, { type: 'readCursor', userId: 'grace', lastReadSeq: 3 })
  expect(readersOf(back, 5, 'ada').map(({ user }) => user.id)).toEqual(['grace'])
  expect(readersOf(back, 6, 'ada')).toEqual([])
  expect(stepRoster(roster, { type: 'readCursor', userId: 'linus', lastReadSeq: 9 })).toBe(roster)
})

test('pages add up, and reading anew replaces them', () => {
  const first = stepRoster(UNREAD_ROSTER, { type: 'read', members: [member('ada')], nextCursor: 'x' })
  const both = stepRoster(first, { type: 'more', members: [member('grace')], nextCursor: null })
  expect([...both.members.keys(), both.nextCursor]).toEqual(['ada', 'grace', null])
  const anew = stepRoster(both, { type: 'read', members: [member('grace')], nextCursor: null })
  expect([...anew.members.keys()]).toEqual(['grace'])
})

test('who was removed or added is gone or here at once', () => {
  const roster = rosterOf(member('ada'), member('grace'))
  const without = stepRoster(roster, { type: 'removed', userId: 'grace' })
  const again = stepRoster(without, { type: 'member', member: member('grace', { role: 'owner' }) })
  expect([without.members.size, again.members.get('grace')?.role]).toEqual([1, 'owner'])
})

test('members are counted where all were read, else as the room says', () => {
  expect(memberCountOf(rosterOf(member('ada'), member('grace')), 1)).toBe(2)
  expect(memberCountOf(UNREAD_ROSTER, 7)).toBe(7)
  const first = stepRoster(UNREAD_ROSTER, { type: 'read', members: [member('ada')], nextCursor: 'x' })
  expect(memberCountOf(first, 7)).toBe(7)
})

test('owners stand first, then who is there, then by name', () => {
  const roster = rosterOf(
    ...[member('c'), member('b', { online: true }), member('a', { role: 'owner' }), member('aa')],
  )
  expect(sortedMembers(roster, 'en').map(({ user }) => user.id)).toEqual(['a', 'b', 'aa', 'c'])
})
