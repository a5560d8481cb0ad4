// Answers every "ping" once, whatever drops; one that is started anew begins with the room's newest page:
// node bot.ts URL USERNAME PASSWORD ROOM_ID
import { RoomlogClient } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
const me = await client.login({ username, password })
client.connection.subscribe(() => console.log(client.connection.get().status))
client.connect()
const room = await client.joinRoom(roomId)
room.timeline().on('messages', (messages) => {
  // The newest page has what an earlier run has answered, and its answers behind that.
  const said = new Set(messages.filter(({ senderId }) => senderId === me.id).map(({ body }) => body))
  for (const { senderId, body, seq } of messages) {
    const answer = `pong to ${seq}`
    if (senderId !== me.id && body === 'ping' && !said.has(answer)) room.send(answer)
  }
})
