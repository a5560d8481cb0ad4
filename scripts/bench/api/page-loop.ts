import pg from 'pg'
import { answerOrders } from '../child.ts'
import { load } from './load.ts'

export interface Task {
  readonly url: string
  readonly roomId: string
  readonly messages: number
  readonly limit: number
  readonly connections: number
  readonly ms: number
}

/** Nothing but the messages: neither who may read them nor who wrote them. */
const PAGE = {
  name: 'page',
  text: `SELECT id, seq, sender_id, client_msg_id, body, created_at FROM chat.messages
    WHERE room_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`,
}

pg.types.setTypeParser(pg.types.builtins.INT8, Number)
const clients: pg.Client[] = []

// Pages of a room at any depth straight from the database: what it and its driver can do at most, a second.
answerOrders(async ({ url, roomId, messages, limit, connections, ms }: Task) => {
  while (clients.length < connections) {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    clients.push(client)
  }
  const { perSecond } = await load(connections, ms, async (index) => {
    const before = limit + 1 + Math.floor(Math.random() * (messages - limit))
    await clients[index]?.query({ ...PAGE, values: [roomId, before, limit] })
  })
  return perSecond
})
