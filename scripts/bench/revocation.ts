import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Database } from '@roomlog/db'
import { BEARER_SUBPROTOCOL_PREFIX, type ServerFrame, SUBPROTOCOL } from '@roomlog/protocol/wire'
import { sql } from 'kysely'
import { Person } from '../person.ts'
import { type Percentiles, percentiles } from './percentiles.ts'
import { roomlogOf } from './roomlog.ts'
import { type Bench, type BenchContext, figureRow, type Row } from './row.ts'

const ROOMS = 100
/** Over several sweeps of the edge, so that removals fall anywhere between two. */
const SPREAD_MS = 10_000
const MESSAGE_INTERVAL_MS = 100
const PATIENCE_MS = 15_000

/**
 * From the asking for a removal to the last byte of the room on the removed user's socket, in milliseconds: through REST,
 * whose signal evicts at once; and past the api, as if the signal were lost, which the edge's sweep finds. Messages go on
 * in the rooms meanwhile. Both ends are the client's, so the request, the commit and the way to the socket are included;
 * the eviction's own frame is the last of a room.
 */
export const revocation: Bench = { ids: ['removal', 'removal-unsignalled'], run }

async function run({ engine, say }: BenchContext): Promise<readonly Row[]> {
  await using roomlog = await roomlogOf({ engine })
  const { apiUrl, servers } = roomlog
  const database = connect({ url: servers.postgres.url, applicationName: 'roomlog-bench' })
  try {
    const signalled = await measure(apiUrl, say, removeThroughApi)
    const unsignalled = await measure(apiUrl, say, (_owner, roomId, userId) =>
      removePastApi(database, roomId, userId),
    )
    return [
      figureRow(
        {
          id: 'removal',
          what: 'removal of a member until their last byte, p99 ms',
          target: { atMost: 1000 },
        },
        [signalled.p99],
        signalled.n,
      ),
      figureRow(
        {
          id: 'removal-unsignalled',
          what: 'the same with its signal lost, longest ms',
          target: { atMost: 6000 },
        },
        [unsignalled.max],
        unsignalled.n,
      ),
    ]
  } finally {
    await database.close()
  }
}

type Remove = (owner: Person, roomId: string, userId: string) => Promise<void>

async function measure(apiUrl: string, say: (text: string) => void, remove: Remove): Promise<Percentiles> {
  const run = crypto.randomUUID().slice(0, 8)
  const [owner, member] = [
    await Person.register(apiUrl, `owner_${run}`, 'Owner'),
    await Person.register(apiUrl, `member_${run}`, 'Member'),
  ]
  const rooms: string[] = []
  for (let i = 0; i < ROOMS; i += 1) {
    const { id } = await owner.createRoom(`Revocation ${run} ${i}`)
    await member.joinRoom(id)
    rooms.push(id)
  }
  const [listening, talking] = [await LastByte.open(member, rooms), await LastByte.open(owner, rooms)]
  const talk = setInterval(
    () => talking.send(rooms[Math.floor(Math.random() * ROOMS)] ?? ''),
    MESSAGE_INTERVAL_MS,
  )
  try {
    let done = 0
    const times = rooms.map(async (roomId) => {
      await delay(Math.random() * SPREAD_MS)
      const askedAtMs = performance.now()
      await remove(owner, roomId, member.session.user.id)
      await listening.evictedFrom(roomId)
      done += 1
      if (done % 25 === 0) say(`${done} of ${ROOMS} removals`)
      return (listening.lastAtMs.get(roomId) ?? Number.NaN) - askedAtMs
    })
    return percentiles(await Promise.all(times))
  } finally {
    clearInterval(talk)
    listening.close()
    talking.close()
  }
}

async function removeThroughApi(owner: Person, roomId: string, userId: string): Promise<void> {
  const answer = await fetch(`${owner.apiUrl}/rooms/${roomId}/members/${userId}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${owner.session.accessToken}` },
  })
  if (!answer.ok) throw new Error(`a removal was answered with ${answer.status}`)
}

async function removePastApi({ db }: Database, roomId: string, userId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const raised = {
      member_version: sql<number>`member_version + 1`,
      member_count: sql<number>`member_count - 1`,
    }
    await trx.updateTable('chat.rooms').set(raised).where('id', '=', roomId).execute()
    await trx
      .deleteFrom('chat.room_members')
      .where('room_id', '=', roomId)
      .where('user_id', '=', userId)
      .execute()
  })
}

/** A socket that notes when the latest frame of each room came. */
class LastByte {
  readonly lastAtMs = new Map<string, number>()
  readonly #socket: WebSocket
  readonly #joined = new Set<string>()
  readonly #evicted = new Map<string, PromiseWithResolvers<void>>()

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#received(JSON.parse(String(data)) as ServerFrame))
  }

  static async open(person: Person, rooms: readonly string[]): Promise<LastByte> {
    const protocols = [SUBPROTOCOL, `${BEARER_SUBPROTOCOL_PREFIX}${person.session.accessToken}`]
    const socket = new WebSocket(await person.wsUrl(), protocols)
    const view = new LastByte(socket)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    socket.send(JSON.stringify({ type: 'joinRooms', rooms: rooms.map((roomId) => ({ roomId })) }))
    const until = performance.now() + PATIENCE_MS
    while (view.#joined.size < rooms.length) {
      if (performance.now() > until)
        throw new Error(`${view.#joined.size} of ${rooms.length} rooms were joined`)
      await delay(20)
    }
    return view
  }

  /** Resolves at the room's last frame. */
  async evictedFrom(roomId: string): Promise<void> {
    const late = delay(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`not evicted within ${PATIENCE_MS} ms`)
    })
    await Promise.race([this.#eviction(roomId).promise, late])
  }

  send(roomId: string): void {
    const frame = { type: 'sendMessage', roomId, clientMsgId: crypto.randomUUID(), body: 'hello' }
    this.#socket.send(JSON.stringify(frame))
  }

  close(): void {
    this.#socket.close()
  }

  #received(frame: ServerFrame): void {
    if (frame.type === 'joinedRoom') this.#joined.add(frame.roomId)
    if (frame.type === 'newMessage') this.lastAtMs.set(frame.message.roomId, performance.now())
    if (frame.type === 'removedFromRoom') {
      this.lastAtMs.set(frame.roomId, performance.now())
      this.#eviction(frame.roomId).resolve()
    }
  }

  #eviction(roomId: string): PromiseWithResolvers<void> {
    const eviction = this.#evicted.get(roomId) ?? Promise.withResolvers<void>()
    this.#evicted.set(roomId, eviction)
    return eviction
  }
}
