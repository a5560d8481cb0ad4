import type {
  History,
  Member,
  PublicRoom,
  ReadPosition,
  Role,
  Room,
  User,
  Visibility,
} from '@roomlog/protocol/wire'
import type { Call } from './session/rest.ts'
import type { PageRead } from './timeline/room-view-events.ts'

type Caller = <T>(path: string, call?: Call) => Promise<T>

export interface Page {
  /** Where the page before ended: its `nextCursor`. */
  readonly cursor?: string | undefined
  /** 1 to 100; default 50. */
  readonly limit?: number | undefined
}

export interface RoomsPage {
  readonly rooms: readonly Room[]
  readonly nextCursor: string | null
  /** Senders of the last messages, by id. */
  readonly users: Readonly<Record<string, User>>
}

/** The api's calls in the name of who is signed in. Each rejects with a `RoomlogError`. */
export type Api = ReturnType<typeof apiOf>

export function apiOf(call: Caller) {
  const post = <T>(path: string, body: object = {}) => call<T>(path, { method: 'POST', body })
  const patch = <T>(path: string, body: object) => call<T>(path, { method: 'PATCH', body })
  return {
    updateMe: (changes: { readonly displayName: string }) =>
      patch<{ user: User }>('/users/me', changes).then(({ user }) => user),
    /** Every other session ends. */
    changePassword: (currentPassword: string, newPassword: string) =>
      post<void>('/users/me/password', { currentPassword, newPassword }),
    deleteMe: (password: string) => call<void>('/users/me', { method: 'DELETE', body: { password } }),
    /** At most 100; unknown ones are left out. */
    users: (ids: readonly string[]) =>
      call<{ users: readonly User[] }>(`/users${query({ ids: ids.join() })}`).then(({ users }) => users),
    /** Mine, by id. */
    rooms: (page?: Page) => call<RoomsPage>(`/rooms${query(page)}`),
    room: (roomId: string) => call<{ room: Room }>(`/rooms/${roomId}`).then(({ room }) => room),
    createRoom: (facts: { readonly name: string; readonly visibility?: Visibility }) =>
      post<{ room: Room }>('/rooms', facts).then(({ room }) => room),
    /** Whose names begin so. */
    publicRooms: (search: string, page?: Page) =>
      call<{ rooms: readonly PublicRoom[]; nextCursor: string | null }>(
        `/rooms/public${query({ search, ...page })}`,
      ),
    joinRoom: (roomId: string) => post<{ room: Room }>(`/rooms/${roomId}/join`).then(({ room }) => room),
    updateRoom: (roomId: string, changes: { readonly name?: string; readonly visibility?: Visibility }) =>
      patch<{ room: Room }>(`/rooms/${roomId}`, changes).then(({ room }) => room),
    members: (roomId: string, page?: Page) =>
      call<{ members: readonly Member[]; nextCursor: string | null }>(
        `/rooms/${roomId}/members${query(page)}`,
      ),
    addMember: (roomId: string, username: string) =>
      post<{ member: Member }>(`/rooms/${roomId}/members`, { username }).then(({ member }) => member),
    changeRole: (roomId: string, userId: string, role: Role) =>
      patch<{ member: Member }>(`/rooms/${roomId}/members/${userId}`, { role }).then(({ member }) => member),
    /** `me` leaves. */
    removeMember: (roomId: string, userId: string) =>
      call<void>(`/rooms/${roomId}/members/${userId}`, { method: 'DELETE' }),
    history: (roomId: string, read: PageRead) => call<History>(`/rooms/${roomId}/messages${query(read)}`),
    /** Never moves back: the answer is where the position is now. */
    read: (roomId: string, lastReadMessageId: string) =>
      post<ReadPosition>(`/rooms/${roomId}/read`, { lastReadMessageId }),
  }
}

function query(parameters: object = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
