import type { Member } from '@roomlog/client'

/** Who is in a room, as far as it was read: a page at first, more when somebody asks. */
export interface Roster {
  readonly members: ReadonlyMap<string, Member>
  /** Where the next page begins; null when all are here. */
  readonly nextCursor: string | null
  readonly status: 'loading' | 'loaded' | 'failed'
}

export type RosterEvent =
  | { readonly type: 'loading' }
  | { readonly type: 'failed' }
  /** All pages that were read at once, in place of what was known. */
  | { readonly type: 'read'; readonly members: readonly Member[]; readonly nextCursor: string | null }
  | { readonly type: 'more'; readonly members: readonly Member[]; readonly nextCursor: string | null }
  | { readonly type: 'member'; readonly member: Member }
  | { readonly type: 'removed'; readonly userId: string }
  | { readonly type: 'presence'; readonly userId: string; readonly online: boolean }
  | { readonly type: 'readCursor'; readonly userId: string; readonly lastReadSeq: number }

export const UNREAD_ROSTER: Roster = { members: new Map(), nextCursor: null, status: 'loading' }

export function stepRoster(roster: Roster, event: RosterEvent): Roster {
  switch (event.type) {
    case 'loading':
    case 'failed':
      return { ...roster, status: event.type }
    case 'read':
      return { members: byId(event.members), nextCursor: event.nextCursor, status: 'loaded' }
    case 'more':
      return {
        members: new Map([...roster.members, ...byId(event.members)]),
        nextCursor: event.nextCursor,
        status: 'loaded',
      }
    case 'member':
      return { ...roster, members: new Map(roster.members).set(event.member.user.id, event.member) }
    case 'removed': {
      const members = new Map(roster.members)
      return members.delete(event.userId) ? { ...roster, members } : roster
    }
    case 'presence':
      return changed(roster, event.userId, { online: event.online })
    case 'readCursor': {
      const before = roster.members.get(event.userId)?.lastReadSeq ?? 0
      return changed(roster, event.userId, { lastReadSeq: Math.max(before, event.lastReadSeq) })
    }
  }
}

/** How many there are: as the api said of the room, or as all were read since. */
export function memberCountOf({ members, nextCursor, status }: Roster, said: number): number {
  return status === 'loaded' && nextCursor === null ? members.size : said
}

export function onlineOthers({ members }: Roster, me: string): number {
  return [...members.values()].filter(({ user, online }) => online === true && user.id !== me).length
}

/** Who has read up to this seq or beyond, whoever sent it left out. */
export function readersOf({ members }: Roster, seq: number, senderId: string): readonly Member[] {
  return [...members.values()].filter(({ user, lastReadSeq }) => lastReadSeq >= seq && user.id !== senderId)
}

/** Owners first, then who is there, then by name. */
export function sortedMembers({ members }: Roster, language: string): readonly Member[] {
  const { compare } = new Intl.Collator(language)
  const rank = ({ role, online }: Member) => (role === 'owner' ? 0 : 2) + (online === true ? 0 : 1)
  return [...members.values()].sort(
    (a, b) => rank(a) - rank(b) || compare(a.user.displayName, b.user.displayName),
  )
}

function changed(roster: Roster, userId: string, to: Partial<Member>): Roster {
  const member = roster.members.get(userId)
  if (member === undefined) return roster
  return { ...roster, members: new Map(roster.members).set(userId, { ...member, ...to }) }
}

function byId(members: readonly Member[]): ReadonlyMap<string, Member> {
  return new Map(members.map((member) => [member.user.id, member]))
}
