import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '@roomlog/protocol/wire'
import { BODY, PASSWORD } from '@roomlog/testkit/canaries'
import { monotonicMs, type Random, type Recorder, random as seeded } from '@roomlog/testkit/proof'
import { until } from '../until.ts'
import { ChaosClient, seenOf } from './client.ts'
import { call } from './rest.ts'

export interface CrowdOptions {
  readonly clients: number
  readonly rooms: number
  /** Rooms of each client. */
  readonly roomsEach: number
  readonly messagesPerSecond: number
  /** The first so many clients lose and get back memberships all the time. */
  readonly churners: number
  /** Of the rooms, so many in which nobody writes but the nemesis. */
  readonly quietRooms: number
  /** Characters that are added to each message. */
  readonly padding: number
}

export const CROWD: CrowdOptions = {
  clients: 40,
  rooms: 8,
  roomsEach: 3,
  messagesPerSecond: 200,
  churners: 4,
  quietRooms: 0,
  padding: 0,
}

/** Answered or not, a client has at most so many sends under way; the protocol allows 16. */
const MAX_PENDING = 12
const REPEAT_SHARE = 0.02
const OTHER_BODY_SHARE = 0.005
const READ_INTERVAL_MS = 60
const CURSOR_INTERVAL_MS = 150
const REJOIN_INTERVAL_MS = 400
const CHURN_INTERVAL_MS = 1_500
const SETTLE_MS = 10_000
const LIVE_PATIENCE_MS = 60_000
const READ_PATIENCE_MS = 30_000
/** Some for longer than a removal whose signal is lost may take to have its effect. */
const AWAY_MS = [1_000, 14_000] as const
const TICK_MS = 5
const PAGE = 50
const FINAL_PAGE = 100
const REGISTRATIONS_AT_ONCE = 4

interface Room {
  readonly id: string
  readonly owner: ChaosClient
}

/** The people of a run, and what they do all the time: write, read, come and go. */
export class Crowd {
  readonly options: CrowdOptions
  readonly clients: readonly ChaosClient[]
  /** Which edge a client asks for; faults change it. */
  #edgeFor: (client: ChaosClient) => string | undefined
  readonly #apiUrl: string
  readonly #random: Random
  readonly #rooms: readonly Room[]
  readonly #background = new Set<Promise<void>>()
  readonly #timers: NodeJS.Timeout[] = []
  #isSending = false
  #isPaused = false
  readonly #stopping = new AbortController()
  #sent = 0
  #ops = 0
  #reads = 0
  #answered: {
    readonly client: ChaosClient
    readonly roomId: string
    readonly id: string
    readonly body: string
  }[] = []

  private constructor(parts: {
    readonly options: CrowdOptions
    readonly clients: readonly ChaosClient[]
    readonly rooms: readonly Room[]
    readonly apiUrl: string
    readonly random: Random
    readonly edgeFor: { current: (client: ChaosClient) => string | undefined }
  }) {
    this.options = parts.options
    this.clients = parts.clients
    this.#rooms = parts.rooms
    this.#apiUrl = parts.apiUrl
    this.#random = parts.random
    this.#edgeFor = parts.edgeFor.current
    parts.edgeFor.current = (client) => this.#edgeFor(client)
  }

  /** Registers everybody, makes the rooms, and resolves when all are live in theirs. */
  static async gather(
    options: CrowdOptions,
    from: {
      readonly apiUrl: string
      readonly wsUrls: readonly string[]
      readonly recorder: Recorder
      readonly seed: number
    },
  ): Promise<Crowd> {
    const { apiUrl, wsUrls, recorder, seed } = from
    const random = seeded(seed)
    const run = crypto.randomUUID().slice(0, 8)
    const names = Array.from({ length: options.clients }, (_, i) => `c${String(i).padStart(2, '0')}`)
    const sessions = await inGroups(names, REGISTRATIONS_AT_ONCE, (name) =>
      register(apiUrl, `${name}_${run}`),
    )
    const memberships = await makeRooms(apiUrl, options, sessions)
    const edgeFor = { current: (_client: ChaosClient): string | undefined => random.pick(wsUrls) }
    const clients = names.map((name, i) => {
      const rooms = memberships.flatMap(({ id, members }) => (members.includes(i) ? [id] : []))
      const session = sessions[i]
      if (session === undefined) throw new Error('one session short')
      const choose = (client: ChaosClient) => edgeFor.current(client)
      return new ChaosClient(
        {
          name,
          session,
          apiUrl,
          edgeFor: choose,
          recording: recorder.of(name),
          random: seeded(seed * 1000 + i),
        },
        rooms,
      )
    })
    const rooms = memberships.flatMap(({ id, owner }) => {
      const client = clients[owner]
      return client === undefined ? [] : [{ id, owner: client }]
    })
    const crowd = new Crowd({ options, clients, rooms, apiUrl, random, edgeFor })
    try {
      await until('the clients are live', () => clients.every((client) => client.isLive), LIVE_PATIENCE_MS)
      return crowd
    } catch (error) {
      crowd.close()
      throw error
    }
  }

  get accepted(): number {
    return this.clients.reduce((sum, { sends }) => sum + sends.accepted, 0)
  }

  get sent(): number {
    return this.#sent
  }

  get pending(): number {
    return this.clients.reduce((sum, { sends }) => sum + sends.pending, 0)
  }

  /** Connections that have ended until now. */
  get closes(): number {
    return this.clients.reduce((sum, client) => sum + client.closes.length, 0)
  }

  get live(): number {
    return this.clients.filter((client) => client.isLive).length
  }

  get rooms(): readonly string[] {
    return this.#rooms.map(({ id }) => id)
  }

  /** These lose their connections and come back another way; the function gives them back the usual one. */
  reroute(clients: ReadonlySet<ChaosClient>, urlFor: () => string): () => void {
    const restore = this.#choose(clients, urlFor)
    for (const client of clients) client.drop()
    return restore
  }

  /** Once these have lost their connections they stay away, until the function lets them back. */
  keepAway(clients: ReadonlySet<ChaosClient>): () => void {
    return this.#choose(clients, () => undefined)
  }

  #choose(clients: ReadonlySet<ChaosClient>, urlFor: () => string | undefined): () => void {
    const usual = this.#edgeFor
    this.#edgeFor = (client) => (clients.has(client) ? urlFor() : usual(client))
    return () => {
      this.#edgeFor = usual
    }
  }

  /** Rooms in which only `speak` writes. */
  get quietRooms(): readonly string[] {
    return this.rooms.slice(this.rooms.length - this.options.quietRooms)
  }

  /** Nobody writes until `goOn`; resolves when all that was sent is answered. */
  async pause(): Promise<void> {
    this.#isPaused = true
    await this.settle(SETTLE_MS)
  }

  goOn(): void {
    this.#isPaused = false
  }

  /** One message in this room, now. */
  speak(roomId: string): void {
    const client = this.clients.findLast((it) => it.memberOf.includes(roomId))
    if (client !== undefined) this.#say(client, roomId)
  }

  /** One message of each of them, unless they wait for an answer. */
  speakUp(clients: readonly ChaosClient[]): void {
    for (const client of clients) {
      const rooms = this.#busyRoomsOf(client)
      if (rooms.length > 0 && client.sends.pending === 0) this.#say(client, this.#random.pick(rooms))
    }
  }

  start(): void {
    this.#isSending = true
    let dueAtMs = performance.now()
    const meanMs = 1000 / this.options.messagesPerSecond
    this.#timers.push(
      setInterval(() => {
        const nowMs = performance.now()
        // After a pause of this process itself, what was missed is not made up for.
        dueAtMs = Math.max(dueAtMs, nowMs - 100)
        for (; dueAtMs < nowMs; dueAtMs += -Math.log(1 - this.#random.next()) * meanMs) this.#sendOne()
      }, TICK_MS),
      setInterval(() => this.#do(() => this.#readOne()), READ_INTERVAL_MS),
      setInterval(() => this.#do(() => this.#moveCursor()), CURSOR_INTERVAL_MS),
      setInterval(() => this.#rejoinOne(), REJOIN_INTERVAL_MS),
      setInterval(() => this.#do(() => this.#churn()), CHURN_INTERVAL_MS),
    )
  }

  /** No send is begun any more; resolves when everybody who was removed is back and every request is answered. */
  async stop(): Promise<void> {
    this.#isSending = false
    this.#stopping.abort()
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await Promise.all(this.#background)
  }

  /** Resolves when no send waits for its answer, or after `patienceMs`. */
  async settle(patienceMs: number): Promise<void> {
    const deadlineMs = performance.now() + patienceMs
    while (this.pending > 0 && performance.now() < deadlineMs) await sleep(50)
  }

  /** Everybody reads every room of theirs from its first message; rejects when one cannot. */
  async readEverything(): Promise<void> {
    await inGroups(this.clients, 8, async (client) => {
      for (const roomId of client.memberOf) await this.#readAll(client, roomId)
    })
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const client of this.clients) client.close()
  }

  /** One more message of a random client, as the load does all the time. */
  #sendOne(): void {
    const client = this.#random.pick(this.clients)
    const memberOf = this.#busyRoomsOf(client)
    if (this.#isPaused || memberOf.length === 0 || client.sends.pending >= MAX_PENDING) return
    const again = this.#random.next()
    if (again < REPEAT_SHARE + OTHER_BODY_SHARE && this.#answered.length > 0) {
      const known = this.#random.pick(this.#answered)
      // What was sent before, once more; now and then with another text, which must be refused.
      const body = again < OTHER_BODY_SHARE ? `${known.body} (another)` : known.body
      known.client.sends.send(known.roomId, known.id, body)
      return
    }
    this.#say(client, this.#random.pick(memberOf))
  }

  #say(client: ChaosClient, roomId: string): void {
    this.#sent += 1
    const id = `${client.name}-${String(this.#sent).padStart(8, '0')}`
    const body = `${BODY}: ${client.name} says ${this.#sent} ✓${'.'.repeat(this.options.padding)}`
    this.#answered.push({ client, roomId, id, body })
    if (this.#answered.length > 500) this.#answered = this.#answered.slice(-200)
    client.sends.send(roomId, id, body)
  }

  async #readOne(): Promise<void> {
    const client = this.#random.pick(this.clients)
    const [roomId] = client.memberOf.length === 0 ? [] : [this.#random.pick(client.memberOf)]
    if (roomId === undefined) return
    const around = client.lastSeq(roomId)
    const kind = this.#random.int(0, 2)
    if (kind === 0) await this.#page(client, roomId, {}, false)
    else if (kind === 1)
      await this.#page(client, roomId, { after: Math.max(0, around - this.#random.int(0, PAGE)) }, false)
    else if (around > 1) await this.#page(client, roomId, { before: this.#random.int(1, around) }, false)
  }

  async #readAll(client: ChaosClient, roomId: string): Promise<void> {
    let readAtMs = performance.now()
    for (let after = 0; ; ) {
      const page = await this.#page(client, roomId, { after }, true)
      if (page === undefined) {
        if (performance.now() - readAtMs > READ_PATIENCE_MS) {
          throw new Error(`${client.name} gets no page of ${roomId} after ${after}`)
        }
        await sleep(200)
        continue
      }
      readAtMs = performance.now()
      after = page.last ?? after
      if (!page.hasMore) return
    }
  }

  async #page(
    client: ChaosClient,
    roomId: string,
    from: { readonly after?: number; readonly before?: number },
    final: boolean,
  ): Promise<{ readonly last: number | undefined; readonly hasMore: boolean } | undefined> {
    this.#reads += 1
    const read = `r${this.#reads}`
    const base = { client: client.name, read, roomId }
    client.recording.write({ type: 'read', ...base, ...from, final })
    const query = Object.entries({ ...from, limit: final ? FINAL_PAGE : PAGE }).map(([k, v]) => `${k}=${v}`)
    const { status, body } = await call(`${this.#apiUrl}/rooms/${roomId}/messages?${query.join('&')}`, {
      token: client.token,
    })
    if (status !== 200) {
      const code = body?.error?.code
      client.recording.write({ type: 'readFailed', ...base, status, ...(code === undefined ? {} : { code }) })
      return undefined
    }
    const messages = body.messages.map(seenOf)
    client.recording.write({ type: 'page', ...base, head: body.head, hasMore: body.hasMore, messages, final })
    return { last: messages.at(-1)?.seq, hasMore: body.hasMore }
  }

  async #moveCursor(): Promise<void> {
    const client = this.#random.pick(this.clients)
    if (client.memberOf.length === 0) return
    const roomId = this.#random.pick(client.memberOf)
    const seen = client.recentOf(roomId)
    if (seen === undefined) return
    this.#ops += 1
    const { name, userId, recording } = client
    const base = { client: name, roomId, userId }
    recording.write({ type: 'cursorSet', ...base, op: `o${this.#ops}`, seq: seen.seq })
    const startedAt = monotonicMs()
    const body = { lastReadMessageId: seen.id }
    const answer = await call(`${this.#apiUrl}/rooms/${roomId}/read`, { body, token: client.token })
    if (answer.status !== 200) return
    const { lastReadSeq } = answer.body
    recording.write({ type: 'cursor', ...base, lastReadSeq, startedAt, how: 'answer' })
  }

  #rejoinOne(): void {
    const client = this.#random.pick(this.clients)
    const rooms = this.#busyRoomsOf(client)
    if (rooms.length > 0) client.rejoin(this.#random.pick(rooms))
  }

  /** An owner removes somebody, who is added again a while later; in vain while the api is away. */
  async #churn(): Promise<void> {
    const churners = this.clients.slice(0, this.options.churners)
    if (churners.length === 0) return
    const client = this.#random.pick(churners)
    const rooms = this.#rooms.filter(
      (room) => room.owner !== client && this.#busyRoomsOf(client).includes(room.id),
    )
    if (rooms.length === 0) return
    const room = this.#random.pick(rooms)
    const path = `/rooms/${room.id}/members`
    if (!(await this.#change('remove', room, client, `${path}/${client.userId}`))) return
    await sleep(this.#random.int(...AWAY_MS), undefined, { signal: this.#stopping.signal }).catch(
      () => undefined,
    )
    while (!(await this.#change('add', room, client, path))) await sleep(500)
    client.addedTo(room.id)
  }

  async #change(change: 'add' | 'remove', room: Room, client: ChaosClient, path: string): Promise<boolean> {
    this.#ops += 1
    const { owner } = room
    const base = {
      type: 'membership',
      change,
      op: `o${this.#ops}`,
      client: owner.name,
      roomId: room.id,
      userId: client.userId,
    } as const
    owner.recording.write({ ...base, phase: 'begin' })
    const { status } = await call(`${this.#apiUrl}${path}`, {
      token: owner.token,
      ...(change === 'remove' ? { method: 'DELETE' } : { body: { username: client.username } }),
    })
    const isDone = status === 201 || status === 200 || status === 204
    owner.recording.write({ ...base, phase: isDone ? 'done' : 'failed' })
    return isDone
  }

  /** Nobody comes and goes in a quiet room either: each join would have the edge look at its head. */
  #busyRoomsOf(client: ChaosClient): readonly string[] {
    const { quietRooms } = this
    return client.memberOf.filter((roomId) => !quietRooms.includes(roomId))
  }

  #do(work: () => Promise<void>): void {
    if (!this.#isSending) return
    const running: Promise<void> = work().finally(() => this.#background.delete(running))
    this.#background.add(running)
  }
}

async function register(apiUrl: string, username: string): Promise<Session> {
  const { status, body } = await call(`${apiUrl}/auth/register`, {
    body: { username, password: PASSWORD, displayName: username },
  })
  if (status !== 201) throw new Error(`a registration was answered with ${status} ${JSON.stringify(body)}`)
  return body
}

interface RoomPlan {
  readonly id: string
  readonly owner: number
  readonly members: readonly number[]
}

async function makeRooms(
  apiUrl: string,
  { rooms, roomsEach, clients }: CrowdOptions,
  sessions: readonly Session[],
): Promise<readonly RoomPlan[]> {
  // The last ones own them: the first are those who are removed.
  const plans = Array.from({ length: rooms }, (_, r) => {
    const owner = clients - 1 - (r % clients)
    const joined = sessions.flatMap((_, i) => ((i + rooms - r) % rooms < roomsEach ? [i] : []))
    return { owner, members: [...new Set([owner, ...joined])] }
  })
  return inGroups(plans, 4, async ({ owner, members }, r) => {
    const token = sessions[owner]?.accessToken ?? ''
    const made = await call(`${apiUrl}/rooms`, { body: { name: `Chaos ${r}`, visibility: 'public' }, token })
    if (made.status !== 201) throw new Error(`a room was answered with ${made.status}`)
    const { id } = made.body.room
    for (const member of members) {
      const token = sessions[member]?.accessToken ?? ''
      const joined = await call(`${apiUrl}/rooms/${id}/join`, { method: 'POST', body: {}, token })
      if (joined.status !== 200) throw new Error(`a join was answered with ${joined.status}`)
    }
    return { id, owner, members }
  })
}

/** As `Promise.all` over all of them, so many at once. */
async function inGroups<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T, i)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}
