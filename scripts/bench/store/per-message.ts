import type { Candidate } from '@roomlog/persister/verdict'
import { newId } from '@roomlog/protocol'
import pg from 'pg'

const CONNECTIONS = 10

const TAKE_SEQ = {
  name: 'take-seq',
  text: `UPDATE chat.rooms SET last_seq = last_seq + 1, last_message_id = $2, last_message_at = $3
    WHERE id = $1 RETURNING last_seq`,
}
const INSERT = {
  name: 'insert',
  text: `INSERT INTO chat.messages
    (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)`,
}

/** The plain way: one transaction for each message, by a pool of ten. */
export class PerMessageStore implements AsyncDisposable {
  readonly #pool: pg.Pool

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: CONNECTIONS })
  }

  async store(candidates: readonly Candidate[]): Promise<void> {
    const left = candidates.values()
    const work = async () => {
      const client = await this.#pool.connect()
      try {
        for (const candidate of left) await storeOne(client, candidate)
      } finally {
        client.release()
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, work))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
  }
}

async function storeOne(client: pg.PoolClient, { record, event }: Candidate): Promise<void> {
  const { roomId, senderId, clientMsgId, body, acceptedAt } = event
  const id = newId()
  await client.query('BEGIN')
  const { rows } = await client.query({ ...TAKE_SEQ, values: [roomId, id, acceptedAt] })
  const values = [
    roomId,
    rows[0].last_seq,
    id,
    senderId,
    clientMsgId,
    body,
    acceptedAt,
    String(record.offset),
  ]
  await client.query({ ...INSERT, values })
  await client.query('COMMIT')
}
