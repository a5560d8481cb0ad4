import { randomUUID } from 'node:crypto'
import { newId } from '@roomlog/protocol'
import { type FaultProxy, faultProxy } from '@roomlog/testkit'
import { type Logger, pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Live, type LiveSocket, LiveUnavailable, type Signal } from '../src/index.ts'

export const TIMES = { socketTtlMs: 400, graceMs: 150 }

export interface LiveServer extends AsyncDisposable {
  /** Where the store is; a proxy is put before it. */
  readonly url: string
  /** One process's adapter, over this way to the store. */
  connect(url: string, log: Logger): Live & { readonly release?: () => Promise<void> }
  /** Says on a room's channel what no adapter of this build would say. */
  say(roomId: string, payload: string): Promise<void>
}

const nowhere = async () => new Map<string, readonly string[]>()
const log = pino({ level: 'silent' })

/** What every store of presence and signals has to do. Several adapters stand for several processes. */
export function liveContract(start: () => Promise<LiveServer>): void {
  let server: LiveServer
  const opened: (Live & { readonly release?: () => Promise<void> })[] = []
  const open = async (url = server.url) => {
    const live = server.connect(url, log)
    opened.push(live)
    await vi.waitFor(() => live.ping(), { timeout: 5000 })
    return live
  }
  let a: Live
  let b: Live
  let heard: Signal[]

  beforeAll(async () => {
    server = await start()
    a = await open()
    b = await open()
    a.signals.listen((signal) => heard.push(signal))
    // Presence reaches a listener once it is subscribed.
    heard = []
    await vi.waitFor(async () => {
      await b.presence.connected([socketOf(newId())], nowhere)
      expect(heard).not.toEqual([])
    })
  })
  beforeEach(() => {
    heard = []
  })
  afterAll(async () => {
    for (const live of opened) {
      await live.close()
      await live.release?.()
    }
    await server[Symbol.asyncDispose]()
  })

  const presenceOf = (userId: string) =>
    heard.flatMap((signal) => (signal.type === 'presence' && signal.userId === userId ? [signal.online] : []))
  /** Both processes look, as every edge does each few seconds, until the condition holds. */
  const looking = async (condition: () => boolean) => {
    await expect
      .poll(
        async () => {
          await Promise.all([a.presence.announceDue(nowhere), b.presence.announceDue(nowhere)])
          return condition()
        },
        { timeout: 10_000, interval: 20 },
      )
      .toBe(true)
  }
  /** Resolves when everything that was said about presence before has been heard. */
  const settled = async () => {
    const marker = newId()
    await b.presence.connected([socketOf(marker)], nowhere)
    await expect.poll(() => presenceOf(marker)).toEqual([true])
  }
  /** Another user whose end is announced shows that the time of this one has passed as well. */
  const graceHasPassed = async () => {
    const witness = socketOf(newId())
    await a.presence.connected([witness], nowhere)
    await a.presence.disconnected([witness])
    await looking(() => presenceOf(witness.userId).includes(false))
  }

  test('a user with two sockets comes online once, and goes once when both are gone', async () => {
    const userId = newId()
    const [one, two] = [socketOf(userId), socketOf(userId)]
    await a.presence.connected([one], nowhere)
    await b.presence.connected([two], nowhere)
    await settled()
    expect(presenceOf(userId)).toEqual([true])
    expect(await b.presence.online([userId, newId()])).toEqual(
      new Map([
        [userId, true],
        [expect.any(String), false],
      ]),
    )
    await a.presence.disconnected([one])
    await b.presence.renewed([two])
    await graceHasPassed()
    expect(presenceOf(userId)).toEqual([true])
    await b.presence.disconnected([two])
    await looking(() => presenceOf(userId).length === 2)
    await settled()
    expect(presenceOf(userId)).toEqual([true, false])
    expect((await a.presence.online([userId])).get(userId)).toBe(false)
  })

  test('a reload says nothing', async () => {
    const userId = newId()
    const [before, after] = [socketOf(userId), socketOf(userId)]
    await a.presence.connected([before], nowhere)
    await a.presence.disconnected([before])
    await b.presence.connected([after], nowhere)
    const keepingAlive = setInterval(() => void b.presence.renewed([after]), 50)
    await graceHasPassed()
    clearInterval(keepingAlive)
    expect(presenceOf(userId)).toEqual([true])
  })

  test('a dead process takes its sockets along: one goes offline, one that has a live socket elsewhere does not', async () => {
    const [gone, stays] = [newId(), newId()]
    const kept = socketOf(stays)
    await a.presence.connected([socketOf(gone), socketOf(stays)], nowhere)
    await b.presence.connected([kept], nowhere)
    const keepingAlive = setInterval(() => void b.presence.renewed([kept]), 50)
    await looking(() => presenceOf(gone).includes(false))
    await settled()
    expect(presenceOf(gone)).toEqual([true, false])
    expect(presenceOf(stays)).toEqual([true])
    clearInterval(keepingAlive)
    // Its own expiry each: the live one has not kept the dead one's alive.
    await looking(() => presenceOf(stays).includes(false))
  })

  test('many come and go through two processes: each hears on and off in turn, transitions rising', async () => {
    const users = Array.from({ length: 10 }, () => newId())
    const expected = new Map<string, boolean[]>(users.map((userId) => [userId, []]))
    for (let round = 0; round < 5; round += 1) {
      const sockets = users.map(socketOf)
      await Promise.all([
        a.presence.connected(sockets, nowhere),
        b.presence.connected([...sockets].reverse(), nowhere),
      ])
      await Promise.all([a.presence.disconnected(sockets), b.presence.disconnected([...sockets].reverse())])
      for (const userId of users) expected.get(userId)?.push(true, false)
      await looking(() => users.every((userId) => presenceOf(userId).length === (round + 1) * 2))
    }
    await settled()
    for (const userId of users) expect(presenceOf(userId)).toEqual(expected.get(userId))
    const transitions = heard.flatMap((s) =>
      s.type === 'presence' && s.userId === users[0] ? [s.transition] : [],
    )
    expect(transitions).toEqual(transitions.toSorted((x, y) => x - y))
    expect(new Set(transitions).size).toBe(transitions.length)
  })

  test('after a loss of all presence, renewals rebuild it silently', async () => {
    const socket = socketOf(newId())
    await a.presence.renewed([socket])
    expect((await b.presence.online([socket.userId])).get(socket.userId)).toBe(true)
    await settled()
    expect(presenceOf(socket.userId)).toEqual([])
    await a.presence.disconnected([socket])
    await looking(() => presenceOf(socket.userId).length > 0)
    expect(presenceOf(socket.userId)).toEqual([false])
  })

  test('a transition carries all the rooms of its user, under one number', async () => {
    const userId = newId()
    const rooms = Array.from({ length: 450 }, () => newId())
    await a.presence.connected([socketOf(userId)], async () => new Map([[userId, rooms]]))
    await settled()
    const signals = heard.flatMap((s) => (s.type === 'presence' && s.userId === userId ? [s] : []))
    expect(signals.flatMap((s) => s.rooms)).toEqual(rooms)
    expect(new Set(signals.map((s) => s.transition)).size).toBe(1)
  })

  test('takes more sockets at once than one call carries', async () => {
    const sockets = Array.from({ length: 1201 }, () => socketOf(newId()))
    await a.presence.connected(sockets, nowhere)
    const online = await b.presence.online(sockets.map(({ userId }) => userId))
    expect([...online.values()].filter(Boolean)).toHaveLength(1201)
  })

  test('all who are due are announced, however many', async () => {
    const users = Array.from({ length: 1201 }, () => newId())
    await a.presence.connected(users.map(socketOf), nowhere)
    const areAllDue = async () => [...(await b.presence.online(users)).values()].every((online) => !online)
    await expect.poll(areAllDue, { timeout: 10_000 }).toBe(true)
    await b.presence.announceDue(nowhere)
    await settled()
    expect(users.filter((userId) => !presenceOf(userId).includes(false))).toEqual([])
  })

  test('signals reach other processes on watched channels, in order, and no others', async () => {
    const [roomId, otherRoom, userId] = [newId(), newId(), newId()]
    await a.signals.watch({ kind: 'room', roomId })
    await a.signals.watch({ kind: 'user', userId })
    const sent: Signal[] = []
    for (const isTyping of [true, false, true]) {
      await b.signals.publish({ type: 'typing', roomId: otherRoom, userId, isTyping })
      const signal = { type: 'typing', roomId, userId, isTyping } as const
      await b.signals.publish(signal)
      sent.push(signal)
    }
    const toUser = { type: 'memberAdded', roomId: otherRoom, userId } as const
    await b.signals.publish(toUser)
    await expect.poll(() => heard.filter((s) => s.type !== 'presence')).toEqual([...sent, toUser])
    await a.signals.unwatch({ kind: 'room', roomId })
    await b.signals.publish({ type: 'roomChanged', roomId })
    await b.signals.publish(toUser)
    await expect.poll(() => heard.filter((s) => s.type !== 'presence')).toEqual([...sent, toUser, toUser])
  })

  test('signals that nobody of this build wrote are passed over', async () => {
    const [roomId, userId] = [newId(), newId()]
    await a.signals.watch({ kind: 'room', roomId })
    const signal = { type: 'typing', roomId, userId, isTyping: true } as const
    for (const payload of [
      '{',
      'null',
      '7',
      '[]',
      '{}',
      JSON.stringify({ ...signal, type: 'later' }),
      JSON.stringify({ ...signal, type: 'constructor' }),
      JSON.stringify({ ...signal, isTyping: 'yes' }),
      JSON.stringify({ type: 'presence', userId, online: true, transition: 1 }),
    ])
      await server.say(roomId, payload)
    await server.say(roomId, JSON.stringify({ ...signal, more: 'fields' }))
    await expect.poll(() => heard.filter((s) => 'userId' in s && s.userId === userId)).toMatchObject([signal])
  })

  test('while the store is away every call fails, and all works again when it is back', async () => {
    await using proxy: FaultProxy = await faultProxy(server.url)
    const live = await open(proxy.url)
    const mine: Signal[] = []
    live.signals.listen((signal) => mine.push(signal))
    const roomId = newId()
    await live.signals.watch({ kind: 'room', roomId })
    const said = { type: 'roomChanged', roomId } as const
    const reaches = async () => {
      await b.signals.publish(said)
      return mine.some((signal) => signal.type === 'roomChanged')
    }
    await expect.poll(reaches).toBe(true)
    for (const away of [proxy.cut, proxy.freeze]) {
      away()
      const socket = socketOf(newId())
      for (const call of [
        () => live.presence.connected([socket], nowhere),
        () => live.presence.renewed([socket]),
        () => live.presence.online([socket.userId]),
        () => live.signals.publish(said),
        () => live.ping(),
      ]) {
        await expect(call()).rejects.toBeInstanceOf(LiveUnavailable)
      }
      proxy.heal()
      await expect
        .poll(
          () =>
            live.presence.renewed([socket]).then(
              () => true,
              () => false,
            ),
          { timeout: 10_000 },
        )
        .toBe(true)
      mine.length = 0
      await expect.poll(reaches, { timeout: 10_000 }).toBe(true)
    }
  })

  test('a connection that is lost without a word is replaced', async () => {
    await using proxy: FaultProxy = await faultProxy(server.url)
    const live = await open(proxy.url)
    const mine: Signal[] = []
    live.signals.listen((signal) => mine.push(signal))
    const [before, after] = [newId(), newId()]
    for (const roomId of [before, after]) await live.signals.watch({ kind: 'room', roomId })
    const hears = async (roomId: string) => {
      await b.signals.publish({ type: 'roomChanged', roomId })
      return mine.some((signal) => signal.type === 'roomChanged' && signal.roomId === roomId)
    }
    await expect.poll(() => hears(before)).toBe(true)
    proxy.forget()
    await expect.poll(() => hears(after), { timeout: 20_000 }).toBe(true)
    const pings = () =>
      live.ping().then(
        () => true,
        () => false,
      )
    await expect.poll(pings, { timeout: 20_000 }).toBe(true)
  })
}

function socketOf(userId: string): LiveSocket {
  return { userId, socketId: randomUUID() }
}
