import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Candidate } from '@roomlog/persister/verdict'
import { newId } from '@roomlog/protocol'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

const MOVE_HEADS = {
  name: 'move-heads',
  text: `UPDATE copied.rooms r SET last_seq = t.seq, last_message_id = t.id, last_message_at = t.at
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[]) AS t (room_id, seq, id, at)
    WHERE r.id = t.room_id`,
}

/** What one batch is in the end, known beforehand. */
export interface PreparedCopy {
  readonly rows: Buffer
  /** Room ids, and the seqs, ids and times of their new heads. */
  readonly heads: readonly [string[], number[], string[], string[]]
}

/**
 * The fastest way for rows into PostgreSQL: COPY, by somebody who knows each row's seq and that none is there yet. Into
 * tables with the product's columns and indexes, with the same update of the rooms, one transaction for each batch.
 */
export class CopyStore implements AsyncDisposable {
  readonly #client: pg.Client
  readonly #heads = new Map<string, number>()

  private constructor(client: pg.Client) {
    this.#client = client
  }

  /** Makes the tables, with the rooms that there are. */
  static async open(url: string): Promise<CopyStore> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(`
      DROP SCHEMA IF EXISTS copied CASCADE;
      CREATE SCHEMA copied;
      CREATE TABLE copied.messages (LIKE chat.messages INCLUDING ALL);
      CREATE TABLE copied.rooms (LIKE chat.rooms INCLUDING ALL) WITH (fillfactor = 50);
      INSERT INTO copied.rooms (id, name, visibility) SELECT id, name, visibility FROM chat.rooms;
      ANALYZE copied.rooms`)
    return new CopyStore(client)
  }

  prepare(candidates: readonly Candidate[]): PreparedCopy {
    const heads = new Map<string, readonly [number, string, string]>()
    const lines = candidates.map(({ record, event }) => {
      const { roomId, senderId, clientMsgId, body, acceptedAt } = event
      const [seq, id] = [(this.#heads.get(roomId) ?? 0) + 1, newId()]
      this.#heads.set(roomId, seq)
      heads.set(roomId, [seq, id, acceptedAt])
      return `${[roomId, seq, id, senderId, clientMsgId, body, acceptedAt, 0, record.offset].join('\t')}\n`
    })
    const values = [...heads.values()]
    return {
      rows: Buffer.from(lines.join('')),
      heads: [
        [...heads.keys()],
        values.map(([seq]) => seq),
        values.map(([, id]) => id),
        values.map(([, , at]) => at),
      ],
    }
  }

  async store({ rows, heads }: PreparedCopy): Promise<void> {
    await this.#client.query('BEGIN')
    await pipeline(
      Readable.from([rows]),
      this.#client.query(
        copyFrom(`COPY copied.messages
          (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset) FROM STDIN`),
      ),
    )
    await this.#client.query({ ...MOVE_HEADS, values: [...heads] })
    await this.#client.query('COMMIT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end()
  }
}
