import { DEFAULT_LIMITS, type SendFailureCode } from '@roomlog/protocol/wire'
import { must } from '@roomlog/testkit/model-runs'
import { random } from '@roomlog/testkit/random'
import { FAIR } from './model-server.ts'
import { settle } from './virtual-time.ts'
import { type Person, ROOM, World } from './world.ts'

/** How often each act is drawn. */
export const ACTS = {
  say: 12,
  send: 20,
  pass: 26,
  persist: 12,
  lose: 5,
  silence: 2,
  end: 5,
  drain: 2,
  down: 2,
  storm: 4,
  fair: 4,
  expire: 2,
  restore: 1,
  remove: 1,
  wake: 3,
  sleep: 2,
  jumpClock: 2,
  page: 5,
} as const

export type Step = readonly [act: keyof typeof ACTS, n: number, m: number]

/** Codes after which a client comes back by itself, one that no table has among them. */
const COMING_BACK = [1001, 1006, 1011, 1012, 1013, 4401, 4408, 4409, 4999]
const SHORTEST_PAUSE_MS = 500
const FAILURES: readonly SendFailureCode[] = [
  'unavailable',
  'rate_limited',
  'overloaded',
  'validation_failed',
]
const REST_MS = 240_000

/** Plays the steps, then lets everything come to rest; throws at the first thing that must not be. */
export async function simulate(seed: number, steps: readonly Step[]): Promise<void> {
  const world = new SimulatedWorld(seed)
  await world.begin()
  for (const step of steps) await world.act(step)
  await world.end()
}

class SimulatedWorld extends World {
  #person: Person | undefined
  #sent = 0
  #isRestored = false
  /** Why the run is over: kept, since nobody awaits what a listener finds. */
  #failure: unknown

  constructor(seed: number) {
    super()
    this.random = random(seed).next
    this.server.weather = { ...FAIR, delayMs: () => this.random() ** 4 * 2000 }
  }

  get #me(): Person {
    must(this.#person !== undefined, 'nobody has entered')
    return this.#person
  }

  async begin(): Promise<void> {
    for (let i = 0; i < 5; i += 1) this.server.say(ROOM, 'other')
    this.server.persist()
    this.server.accounts.accessMs = 100_000
    const fair = this.server.weather
    this.server.weather = FAIR
    this.#person = await this.enter('ada')
    this.server.weather = fair
    this.#me.timeline.snapshot.subscribe(() => this.#watch(() => this.#expectRun()))
  }

  async act([act, n, m]: Step): Promise<void> {
    const { server, time } = this
    // What becomes of a session that has ended is looked at in the end.
    if (server.accounts.reuses > 0) return
    const [socket] = server.sockets
    switch (act) {
      case 'say':
        for (let i = 0; i <= n % 10; i += 1) server.say(ROOM, 'other')
        break
      case 'send':
        for (let i = 0; i <= n % 5; i += 1) {
          this.#me.room.send(`mine ${this.#sent}`)
          this.#sent += 1
        }
        break
      case 'pass':
        await time.pass(n % 9 === 0 ? m * 20 : m)
        break
      case 'persist':
        server.persist(n % 4 === 0 ? Number.POSITIVE_INFINITY : n % 6)
        break
      case 'lose':
        socket?.lose()
        break
      case 'silence':
        if (socket !== undefined) socket.isSilent = true
        break
      case 'end':
        socket?.end(COMING_BACK[n % COMING_BACK.length] ?? 1006)
        break
      case 'drain':
        server.push({ type: 'draining', reconnectAfterMs: m * 5 })
        if (n % 2 === 0) time.after(m * 5, () => socket?.end(1012))
        break
      case 'down':
        server.isDown = true
        for (const each of [...server.sockets]) each.lose()
        break
      case 'storm':
        server.weather = this.#storm(n)
        break
      case 'fair':
        this.#clear()
        break
      case 'expire':
        server.accounts.expireAccess()
        break
      case 'restore':
        this.#isRestored = true
        server.restore(ROOM, Math.floor((server.room(ROOM).log.length * (n % 4)) / 4))
        break
      case 'remove':
        server.room(ROOM).members.delete('ada')
        server.push({ type: 'removedFromRoom', roomId: ROOM })
        time.after(m * 5, () => {
          server.room(ROOM).members.add('ada')
          server.push({ type: 'roomAdded', roomId: ROOM })
        })
        break
      case 'wake':
        this.#me.wake()
        break
      case 'sleep':
        time.sleep(m * 50)
        if (n % 3 > 0) socket?.lose()
        if (n % 2 === 0) this.#me.wake()
        break
      case 'jumpClock':
        time.wallAheadMs += (m - 500) * 10_000
        break
      case 'page':
        this.#page(n, m)
        break
    }
    await settle()
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Everything works again: in the end all is shown, and all that was sent is stored once. */
  async end(): Promise<void> {
    const { server, timeline, room } = {
      server: this.server,
      timeline: this.#me.timeline,
      room: this.#me.room,
    }
    this.#clear()
    await this.rest(REST_MS)
    server.say(ROOM, 'other')
    await this.rest(20_000)
    timeline.jumpToNewest()
    const { connection, user } = this.#me.client
    if (server.accounts.reuses > 0) {
      // Rightly: new tokens were lost on the way, and the old ones asked with again after 30 s, by who slept meanwhile.
      must(server.lostRefreshes > 0, 'the session has ended')
      must(connection.get().status === 'stopped' && user.get() === undefined, 'a session that ended goes on')
      this.close()
      return
    }
    must(connection.get().status === 'online', `in the end it is ${connection.get().status}`)
    const { messages, isLive, hasNewer, sends } = this.#me.snapshot
    must(isLive && !hasNewer, 'the timeline is not live')
    must(messages.at(-1)?.seq === server.room(ROOM).log.length, 'the timeline is not at the head')
    this.#expectRun()
    must(
      sends.every(({ state }) => state === 'rejected') && sends.length === room.sends.length,
      `on its way is ${sends.map(({ state }) => state).join()}`,
    )
    this.#expectStored()
    this.#expectPauses()
    must(user.get() !== undefined, 'the session has ended')
    this.close()
  }

  #clear(): void {
    this.server.isDown = false
    this.server.weather = { ...FAIR, delayMs: () => this.random() * 100 }
  }

  #storm(n: number) {
    const draw = () => Math.floor(this.random() * 10)
    const losses = ['request', 'answer', 'unavailable'] as const
    return {
      delayMs: () => this.random() ** 3 * 3000,
      restLoss: () => (draw() < n % 5 ? (losses[draw() % losses.length] ?? 'none') : 'none'),
      sendFate: () => {
        const fate = draw()
        if (fate < 4) return 'accept' as const
        return fate < 6
          ? ('accept silently' as const)
          : fate < 7
            ? ('ignore' as const)
            : (FAILURES[draw() % 4] ?? 'accept')
      },
    }
  }

  #page(n: number, m: number): void {
    const { timeline } = this.#me
    const ignore = () => undefined
    if (n % 4 === 0) timeline.loadOlder().catch(ignore)
    else if (n % 4 === 1) timeline.loadNewer().catch(ignore)
    else if (n % 4 === 2)
      timeline.jumpTo(1 + (m % Math.max(1, this.server.room(ROOM).log.length))).catch(ignore)
    else timeline.jumpToNewest()
  }

  // --- what must be true ---------------------------------------------------------------------------------------------

  #watch(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#failure ??= error
    }
  }

  /** What is shown is a run of the log: no gap, no repeat, nothing of another epoch, no send beside its message. */
  #expectRun(): void {
    const { messages, sends } = this.#me.snapshot
    const first = messages[0]?.seq ?? 1
    must(
      messages.every(({ seq }, i) => seq === first + i),
      `shown is ${messages.map(({ seq }) => seq).join()}`,
    )
    const log = this.server.logOf(ROOM, this.#me.timeline.epoch)
    must(
      messages.every(({ id, seq }) => log[seq - 1]?.id === id),
      'what is shown is not what is stored',
    )
    const shown = new Set(messages.map(({ clientMsgId }) => clientMsgId))
    must(!sends.some(({ clientMsgId }) => shown.has(clientMsgId)), 'a message is shown twice')
    must(new Set(sends).size === sends.length, 'a send is shown twice')
    this.#expectNothingVanished()
  }

  /** Before a message is shown it is among the sends. */
  #expectNothingVanished(): void {
    const { messages, sends, hasNewer } = this.#me.snapshot
    if (this.#isRestored || hasNewer) return
    const shownUpTo = messages.at(-1)?.seq ?? 0
    const seqs = new Map(this.server.room(ROOM).log.map(({ body, seq }) => [body, seq]))
    const onTheirWay = new Set(sends.map(({ body }) => body))
    for (let i = 0; i < this.#sent; i += 1) {
      const seq = seqs.get(`mine ${i}`) ?? Number.POSITIVE_INFINITY
      must(seq <= shownUpTo || onTheirWay.has(`mine ${i}`), `mine ${i} has vanished`)
    }
  }

  #expectStored(): void {
    const mine = this.bodies.filter((body) => body.startsWith('mine'))
    must(new Set(mine).size === mine.length, `stored twice: ${mine.join()}`)
    const rejected = new Set(this.#me.room.sends.map(({ body }) => body))
    if (this.#isRestored) return
    const expected = Array.from({ length: this.#sent }, (_, i) => `mine ${i}`).filter(
      (it) => !rejected.has(it),
    )
    const stored = mine.filter((body) => !rejected.has(body))
    must(stored.join() === expected.join(), `stored is ${stored.join()} of ${expected.join()}`)
  }

  #expectPauses(): void {
    for (const [i, atMs] of this.server.handshakesMs.entries()) {
      const before = this.server.handshakesMs[i - 1] ?? Number.NEGATIVE_INFINITY
      // Of one that was late as the machine slept the pause was before.
      must(atMs - before >= SHORTEST_PAUSE_MS - 1, `connected again after ${atMs - before} ms`)
    }
    must(this.server.sockets.size <= 1 && DEFAULT_LIMITS.maxSocketsPerUser > 1, 'sockets are left open')
  }
}
