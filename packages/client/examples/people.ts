// Shows who is there, who comes and goes, and who types: node people.ts URL USERNAME PASSWORD ROOM_ID
import { RoomlogClient } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
await client.login({ username, password })
client.connect()
const room = await client.joinRoom(roomId)

const { members } = await client.api.members(roomId)
for (const { user, online } of members) console.log(`${user.displayName} is ${online ? 'here' : 'away'}`)

client.on('presence', ({ userId, online }) => {
  const name = members.find(({ user }) => user.id === userId)?.user.displayName ?? 'somebody'
  console.log(`${name} ${online ? 'comes' : 'goes'}`)
})
room.typing.subscribe(() => console.log(`${room.typing.get().length} typing`))
room.setTyping(true)
