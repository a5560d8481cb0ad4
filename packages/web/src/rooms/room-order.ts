import type { RoomFacts } from '@roomlog/client'

/** Where somebody spoke last stands first; rooms where nobody did, behind them, newest first. */
export function sortedRooms(rooms: Iterable<RoomFacts>): readonly RoomFacts[] {
  return [...rooms].sort(
    (a, b) =>
      descending(a.lastMessage?.createdAt ?? '', b.lastMessage?.createdAt ?? '') || descending(a.id, b.id),
  )
}

/** The room above or below; from none the first or the last. */
export function neighbour(
  rooms: readonly Pick<RoomFacts, 'id'>[],
  roomId: string | undefined,
  step: -1 | 1,
): string | undefined {
  const at = rooms.findIndex(({ id }) => id === roomId)
  if (at < 0) return (step > 0 ? rooms[0] : rooms.at(-1))?.id
  return rooms[(at + step + rooms.length) % rooms.length]?.id
}

function descending(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? 1 : -1
}
