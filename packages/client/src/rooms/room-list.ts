import type { Message, Room } from '@roomlog/protocol/wire'

/** The rooms of a user by id, a value. */
export type RoomList = ReadonlyMap<string, Room>

export type RoomListEvent =
  /** All of them, as the api says; one that was read `ahead`, and nothing was heard of since, is void. */
  | {
      readonly type: 'listed'
      readonly rooms: readonly Room[]
      readonly ahead?: ReadonlySet<Room> | undefined
    }
  /** One of them, read again, joined or made. */
  | { readonly type: 'read'; readonly room: Room }
  | { readonly type: 'removed'; readonly roomId: string }
  /** As the edge tells it. */
  | { readonly type: 'joinedRoom'; readonly roomId: string; readonly headSeq: number }
  | { readonly type: 'newMessage'; readonly message: Message }
  /** How far this user has read. */
  | { readonly type: 'readUpTo'; readonly roomId: string; readonly lastReadSeq: number }
  /** The logs are other ones than before: what was known of their seqs is void. */
  | { readonly type: 'reset' }

export function stepRoomList(list: RoomList, event: RoomListEvent): RoomList {
  switch (event.type) {
    case 'listed':
      return new Map(
        event.rooms.map((room) => {
          const known = list.get(room.id)
          return [room.id, known && event.ahead?.has(known) ? room : newest(known, room)]
        }),
      )
    case 'read':
      return new Map(list).set(event.room.id, newest(list.get(event.room.id), event.room))
    case 'removed': {
      const rest = new Map(list)
      return rest.delete(event.roomId) ? rest : list
    }
    case 'joinedRoom':
      return changed(list, event.roomId, (room) => moved(room, { lastSeq: event.headSeq }))
    case 'newMessage': {
      const { message } = event
      return changed(list, message.roomId, (room) =>
        message.seq <= (room.lastMessage?.seq ?? 0)
          ? room
          : { ...moved(room, { lastSeq: message.seq }), lastMessage: message },
      )
    }
    case 'readUpTo':
      return changed(list, event.roomId, (room) => moved(room, { lastReadSeq: event.lastReadSeq }))
    case 'reset':
      return new Map()
  }
}

/** What was heard while the api was asked may be newer than its answer. */
function newest(known: Room | undefined, read: Room): Room {
  if (known === undefined) return read
  const room = moved(read, known)
  const isOlder = (read.lastMessage?.seq ?? 0) < (known.lastMessage?.seq ?? 0)
  return isOlder ? { ...room, lastMessage: known.lastMessage } : room
}

/** Positions only rise. */
function moved(room: Room, to: Partial<Pick<Room, 'lastSeq' | 'lastReadSeq'>>): Room {
  const lastSeq = Math.max(room.lastSeq, to.lastSeq ?? 0)
  const lastReadSeq = Math.max(room.lastReadSeq, to.lastReadSeq ?? 0)
  if (lastSeq === room.lastSeq && lastReadSeq === room.lastReadSeq) return room
  return { ...room, lastSeq, lastReadSeq, unreadCount: Math.max(0, lastSeq - lastReadSeq) }
}

function changed(list: RoomList, roomId: string, by: (room: Room) => Room): RoomList {
  const room = list.get(roomId)
  if (room === undefined) return list
  const next = by(room)
  return next === room ? list : new Map(list).set(roomId, next)
}
