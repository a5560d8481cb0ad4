// Jumps to the first unread message, reads back to the room's first one, and marks all as read:
// node history.ts URL USERNAME PASSWORD ROOM_ID
import { RoomlogClient, until } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
await client.login({ username, password })
client.connect()
await until(client.rooms, (rooms) => rooms.has(roomId))

const room = client.room(roomId)
const { lastReadSeq = 0, unreadCount = 0 } = room.facts ?? {}
const timeline = room.timeline()
await until(timeline.snapshot, ({ isLoaded }) => isLoaded)
await timeline.jumpTo(lastReadSeq + 1)
const unread = timeline.snapshot.get().messages.find(({ seq }) => seq > lastReadSeq)
console.log(`${unreadCount} unread, the first is ${unread?.body}`)

while (timeline.snapshot.get().hasOlder) await timeline.loadOlder()
console.log(`the room begins with ${timeline.snapshot.get().messages[0]?.body}`)

timeline.jumpToNewest()
const newest = timeline.snapshot.get().messages.at(-1)
if (newest !== undefined) room.markRead(newest)
await until(client.rooms, () => room.facts?.unreadCount === 0)
console.log('0 unread')
client.close()
