import type { ErrorCode } from '@roomlog/protocol'
import { credentials, PASSWORD } from './support.ts'

export const ASKERS = [
  'nobody',
  'stranger',
  'removed',
  'left',
  'deleted',
  'loggedOut',
  'member',
  'owner',
] as const
/**
 * `nobody` has no token. `removed` was put out by an owner, `left` went; `deleted` was a member whose account is gone,
 * `loggedOut` is a member whose session has ended: their access tokens have not.
 */
export type Asker = (typeof ASKERS)[number]

export const PLACES = ['public', 'private', 'absent'] as const
/** Which room is asked about; `absent`: one that never was. */
export type Place = (typeof PLACES)[number]

export type Outcome = 'ok' | ErrorCode
type Outcomes = Readonly<Record<Place, Outcome>>
type Access = Readonly<Record<Asker, Outcomes>>

const whatever = (outcome: Outcome): Outcomes => ({ public: outcome, private: outcome, absent: outcome })
const inside = (outcome: Outcome): Outcomes => ({ ...whatever(outcome), absent: 'room_not_found' })
const OUTSIDE: Outcomes = { public: 'not_a_member', private: 'room_not_found', absent: 'room_not_found' }
const everybody = (outcomes: Outcomes): Access => ({
  nobody: outcomes,
  stranger: outcomes,
  removed: outcomes,
  left: outcomes,
  deleted: outcomes,
  loggedOut: outcomes,
  member: outcomes,
  owner: outcomes,
})

const ANYBODY = everybody(whatever('ok'))
/** A token is believed until it ends, 15 minutes at most: what it says is asked of no table. */
const TOKEN: Access = { ...ANYBODY, nobody: whatever('unauthenticated') }
/** A refresh token of a session that goes on; no access token is asked for. */
const SESSION: Access = {
  ...ANYBODY,
  deleted: whatever('unauthenticated'),
  loggedOut: whatever('unauthenticated'),
}
const ACCOUNT: Access = { ...TOKEN, deleted: whatever('unauthenticated') }
const MEMBER: Access = {
  ...everybody(OUTSIDE),
  nobody: whatever('unauthenticated'),
  loggedOut: inside('ok'),
  member: inside('ok'),
  owner: inside('ok'),
}
const OWNER: Access = { ...MEMBER, loggedOut: inside('forbidden'), member: inside('forbidden') }
const JOIN: Access = {
  ...MEMBER,
  stranger: { ...OUTSIDE, public: 'ok' },
  left: { ...OUTSIDE, public: 'ok' },
  removed: { ...OUTSIDE, public: 'forbidden' },
  deleted: whatever('unauthenticated'),
}
export const ACCESS = {
  anybody: ANYBODY,
  session: SESSION,
  token: TOKEN,
  account: ACCOUNT,
  member: MEMBER,
  owner: OWNER,
  join: JOIN,
} as const

/** What a case is filled with; ids are of the room that is asked about where it has them. */
export interface Known {
  readonly roomId: string
  /** A member, and none of the askers. */
  readonly userId: string
  readonly messageId: string
  /** Of the asker's session; nobody holds somebody's. */
  readonly refreshToken: string
  /** Of somebody who is in no room. */
  readonly username: string
}

export interface Case {
  readonly access: keyof typeof ACCESS
  readonly query?: Readonly<Record<string, (known: Known) => string>>
  readonly body?: (known: Known) => object
  /** In place of the path's userId. */
  readonly userId?: string
}

/** Every operation of the documents, at least once: a request that is whole, so that access alone decides. */
export const CASES: Readonly<Record<string, Case | readonly Case[]>> = {
  'post /auth/register': { access: 'anybody', body: () => credentials() },
  'post /auth/login': { access: 'anybody', body: ({ username }) => ({ username, password: PASSWORD }) },
  'post /auth/refresh': { access: 'session', body: ({ refreshToken }) => ({ refreshToken }) },
  'post /auth/logout': { access: 'anybody', body: ({ refreshToken }) => ({ refreshToken }) },
  'get /config': { access: 'anybody' },
  'get /health': { access: 'anybody' },
  'get /livez': { access: 'anybody' },
  'get /readyz': { access: 'anybody' },
  'get /metrics': { access: 'anybody' },
  'get /users': { access: 'token', query: { ids: ({ userId }) => userId } },
  'get /users/me': { access: 'account' },
  'patch /users/me': { access: 'account', body: () => ({ displayName: 'Another' }) },
  'delete /users/me': { access: 'account', body: () => ({ password: PASSWORD }) },
  'get /users/me/export': { access: 'account' },
  'post /users/me/password': {
    access: 'account',
    body: () => ({ currentPassword: PASSWORD, newPassword: 'another good one' }),
  },
  'post /rooms': { access: 'account', body: () => ({ name: 'mine' }) },
  // Of a deleted account there are none.
  'get /rooms': { access: 'token' },
  'get /rooms/public': { access: 'token' },
  'get /rooms/{roomId}': { access: 'member' },
  'patch /rooms/{roomId}': { access: 'owner', body: () => ({ name: 'mine' }) },
  'post /rooms/{roomId}/join': { access: 'join' },
  'get /rooms/{roomId}/members': { access: 'member' },
  'post /rooms/{roomId}/members': { access: 'owner', body: ({ username }) => ({ username }) },
  'patch /rooms/{roomId}/members/{userId}': { access: 'owner', body: () => ({ role: 'owner' }) },
  'delete /rooms/{roomId}/members/{userId}': [{ access: 'owner' }, { access: 'member', userId: 'me' }],
  'post /rooms/{roomId}/read': {
    access: 'member',
    body: ({ messageId }) => ({ lastReadMessageId: messageId }),
  },
  'get /rooms/{roomId}/messages': [
    { access: 'member' },
    { access: 'member', query: { after: ({ messageId }) => messageId } },
    { access: 'member', query: { before: ({ messageId }) => messageId } },
    { access: 'member', query: { after: () => '0' } },
  ],
}

/** Fields and parameters that name nothing of somebody's, or only what the asker may name as they like. */
export const NAMES_NOTHING = [
  ...['username', 'password', 'displayName', 'currentPassword', 'newPassword', 'name', 'visibility', 'role'],
  ...['limit', 'search', 'ids', 'cursor'],
]

/** Of rooms, `CASES` tell. A secret, which is whoever holds it. */
export const SWEPT_ELSEWHERE = ['roomId', 'refreshToken']

/** What an owner is answered who names, inside the own room, what is another room's, and what never was. */
export const FOREIGN: Readonly<Record<string, ErrorCode>> = {
  userId: 'user_not_found',
  lastReadMessageId: 'bad_cursor',
  before: 'bad_cursor',
  after: 'bad_cursor',
}
