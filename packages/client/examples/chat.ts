// Chats in the terminal: node chat.ts URL USERNAME PASSWORD ROOM_ID
import { RoomlogClient } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
await client.login({ username, password })
client.connect()
const room = await client.joinRoom(roomId)
await client.api.members(roomId)
room.timeline().on('messages', (messages) => {
  for (const { senderId, body } of messages)
    console.log(client.userOf(senderId)?.displayName ?? senderId, body)
})
process.stdin.setEncoding('utf8').on('data', (line: string) => void room.send(line.trim()))
