// Answers every "ping" once, whatever drops: node bot.ts URL USERNAME PASSWORD ROOM_ID
import { RoomlogClient } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
const me = await client.login({ username, password })
client.connection.subscribe(() => console.log(client.connection.get().status))
client.connect()
const room = await client.joinRoom(roomId)
room.timeline().on('messages', (messages) => {
  for (const { senderId, body, seq } of messages) {
    if (senderId !== me.id && body === 'ping') room.send(`pong to ${seq}`)
  }
})
