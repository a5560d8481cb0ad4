import type { Stack } from '../../chaos/stack.ts'
import { cpuUsedBy } from '../cpu.ts'
import { fill } from '../fill.ts'
import { populate, tokensOf } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import type { Bench, BenchContext, Row } from '../row.ts'
import { drawn, pointsOf } from './curve.ts'

const SIZES: readonly number[] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
const PAGES = 1_000
const AT_ONCE = 4
const PAGE = 50

/** What a page of history costs, anywhere in a room, by how many messages the room has: CPU of api and PostgreSQL. */
export const history: Bench = { ids: ['G5-history'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  const { engine, say } = context
  await using roomlog = await roomlogOf({ engine })
  const { url } = roomlog.servers.postgres
  const { users, rooms } = await populate(url, { users: 1, rooms: SIZES.length, membersEach: 1 })
  const [token = ''] = tokensOf(roomlog, users)
  await fill(
    url,
    SIZES.map((messages, index) => ({ roomId: rooms[index] ?? '', senders: users, messages })),
    say,
  )
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
