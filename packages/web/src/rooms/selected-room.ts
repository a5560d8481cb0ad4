const PREFIX = '#/rooms/'
const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/** The room that an address is of, so that it can be shared, and the browser's way back leads to the list. */
export function roomOfHash(hash: string): string | undefined {
  const id = hash.startsWith(PREFIX) ? hash.slice(PREFIX.length) : ''
  return ID.test(id) ? id : undefined
}

export function hashOf(roomId: string | undefined): string {
  return roomId === undefined ? '#/' : PREFIX + roomId
}

export function openRoom(roomId: string | undefined): void {
  location.hash = hashOf(roomId)
}
