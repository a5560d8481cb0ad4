import { connect } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { sql } from 'kysely'
import type { Stack } from '../../chaos/stack.ts'
import { cpuUsedBy } from '../cpu.ts'
import { populate, tokensOf } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import type { Bench, BenchContext, Row } from '../row.ts'
import { drawn, pointsOf } from './curve.ts'

const SIZES: readonly number[] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
const ROWS_PER_STATEMENT = 100_000
const PAGES = 1_000
const AT_ONCE = 4
const PAGE = 50
const BODY_LENGTH = 80

/** What a page of history costs, anywhere in a room, by how many messages the room has: CPU of api and PostgreSQL. */
export const history: Bench = { ids: ['G5-history'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  const { engine, say } = context
  await using roomlog = await roomlogOf({ engine })
  const { url } = roomlog.servers.postgres
  const { users, rooms } = await populate(url, { users: 1, rooms: SIZES.length, membersEach: 1 })
  const [token = ''] = tokensOf(roomlog, users)
  for (const [index, size] of SIZES.entries()) {
    await fill(url, rooms[index] ?? '', users[0] ?? '', size, say)
  }
  await analyze(url)
  const points = await pointsOf(context, SIZES, (size) =>
    costOfPage(roomlog, token, rooms[SIZES.indexOf(size)] ?? '', size),
  )
  return [
    drawn(context, {
      id: 'G5-history',
      title: `a page of ${PAGE} messages from anywhere in a room`,
      xLabel: 'messages in the room',
      yLabel: 'CPU µs, api and PostgreSQL',
      points,
    }),
  ]
}

/** As many messages as a persister would have stored, by no record of the log. */
async function fill(
  url: string,
  roomId: string,
  senderId: string,
  size: number,
  say: (what: string) => void,
): Promise<void> {
  const { db, close } = connect({ url, applicationName: 'roomlog-bench' })
  // Of ids that rise: the beginning of one of now, and the seq.
  const beginning = newId().slice(0, 16)
  const idOf = sql`${beginning}::text || lpad(n::text, 10, '0')`
  try {
    for (let from = 0; from < size; from += ROWS_PER_STATEMENT) {
      const to = Math.min(size, from + ROWS_PER_STATEMENT)
      await sql`INSERT INTO chat.messages
          (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
        SELECT ${roomId}, n, ${idOf}, ${senderId}, ${idOf}, repeat('x', ${BODY_LENGTH}), now(), -1, n
        FROM generate_series(${from + 1}::bigint, ${to}::bigint) n`.execute(db)
      if (to === size || to % 1_000_000 === 0) say(`room of ${size}: ${to} messages`)
    }
    await sql`UPDATE chat.rooms SET last_seq = ${size}, last_message_at = now(),
        last_message_id = ${beginning}::text || lpad(${String(size)}::text, 10, '0')
      WHERE id = ${roomId}`.execute(db)
  } finally {
    await close()
  }
}

async function analyze(url: string): Promise<void> {
  const { db, close } = connect({ url, applicationName: 'roomlog-bench', statementTimeoutMs: 0 })
  await sql`VACUUM (ANALYZE) chat.messages`.execute(db).finally(close)
}

/** In µs of CPU. */
async function costOfPage(roomlog: Stack, token: string, roomId: string, size: number): Promise<number> {
  const pids = [roomlog.pidOf('api'), roomlog.servers.postgres.pid].filter((pid) => pid !== undefined)
  const used = await cpuUsedBy(pids)
  let left = PAGES
  const reader = async () => {
    while (left > 0) {
      left -= 1
      const before = 1 + PAGE + Math.floor(Math.random() * (size - PAGE))
      const answer = await fetch(
        `${roomlog.apiUrl}/rooms/${roomId}/messages?limit=${PAGE}&before=${before}`,
        {
          headers: { authorization: `Bearer ${token}` },
        },
      )
      const { messages } = (await answer.json()) as { messages?: readonly unknown[] }
      if (messages?.length !== PAGE) throw new Error(`a page was answered with ${answer.status}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, reader))
  return ((await cpuUsedBy(pids)) - used) / PAGES
}
