// Queues messages while it is offline, and shows how they fare: node send-states.ts URL USERNAME PASSWORD ROOM_ID
import { RoomlogClient } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
await client.login({ username, password })
const room = client.room(roomId)

client.on('send', (send) => {
  console.log(`${send.body}: ${send.state}${send.code === undefined ? '' : ` (${send.code})`}`)
  // What is refused stays in room.sends until it is retried or discarded.
  if (send.state === 'rejected') room.discard(send)
  if (room.sends.length === 0) client.close()
})
room.send('one')
room.send('two')
room.send('')
client.connect()
