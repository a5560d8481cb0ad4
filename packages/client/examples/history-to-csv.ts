// Writes a room's whole history as CSV: node history-to-csv.ts URL USERNAME PASSWORD ROOM_ID > room.csv
import { RoomlogClient } from '@roomlog/client'

const [url = '', username = '', password = '', roomId = ''] = process.argv.slice(2)
const client = new RoomlogClient({ url })
await client.login({ username, password })

const field = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`
const line = (values: readonly (string | number)[]) => process.stdout.write(`${values.map(field).join()}\r\n`)

line(['seq', 'time', 'sender', 'message'])
let [after, hasMore] = [0, true]
while (hasMore) {
  const page = await client.api.history(roomId, { after, limit: 100 })
  for (const { seq, createdAt, senderId, body } of page.messages) {
    line([seq, createdAt, page.users[senderId]?.displayName ?? senderId, body])
  }
  after = page.messages.at(-1)?.seq ?? after
  hasMore = page.hasMore
}
client.close()
