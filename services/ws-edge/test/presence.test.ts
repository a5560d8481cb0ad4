import { connectLive } from '@roomlog/live'
import type { TestClient } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { join, PATIENCE, type RunningEdge, silent, suiteOnEngines, World } from './support.ts'

/** A closed socket's user is looked at soon, not after 10 s. */
const TIMES = { socketTtlMs: 60_000, graceMs: 200 }

suiteOnEngines('presence and hints', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    const live = connectLive({ ...world.config.live, database: world.admin, times: TIMES }, silent)
    edge = resources.use(await world.edge({ live }))
  })
  afterAll(() => resources.disposeAsync())

  const presenceOf = (client: TestClient, userId: string) =>
    client.frames.flatMap((frame) =>
      frame.type === 'presence' && frame.userId === userId ? [frame.online] : [],
    )

  test('who comes and goes is told to the rooms, once', async () => {
    const [ada, grace] = [await world.newUser(), await world.newUser()]
    const rooms = [await world.newRoom([ada, grace]), await world.newRoom([ada, grace])]
    await using watching = await edge.client(ada)
    for (const room of rooms) await join(watching, room)
    const first = await edge.client(grace)
    await expect.poll(() => presenceOf(watching, grace), PATIENCE).toEqual([true])
    const second = await edge.client(grace)
    first.terminate()
    await first.closed
    await expect.poll(() => world.live.presence.online([grace]), PATIENCE).toEqual(new Map([[grace, true]]))
    second.terminate()
    await expect.poll(() => presenceOf(watching, grace), PATIENCE).toEqual([true, false])
    await using _again = await edge.client(grace)
    await expect.poll(() => presenceOf(watching, grace), PATIENCE).toEqual([true, false, true])
  })

  test('nobody outside of their rooms hears of them', async () => {
    const [ada, grace, linus] = [await world.newUser(), await world.newUser(), await world.newUser()]
    const shared = await world.newRoom([ada, grace])
    const other = await world.newRoom([linus])
    await using watching = await edge.client(ada)
    await join(watching, shared)
    await using stranger = await edge.client(linus)
    await join(stranger, other)
    await using _grace = await edge.client(grace)
    await expect.poll(() => presenceOf(watching, grace), PATIENCE).toEqual([true])
    expect(presenceOf(stranger, grace)).toEqual([])
  })

  test('typing reaches the others in the room', async () => {
    const [ada, grace] = [await world.newUser(), await world.newUser()]
    const room = await world.newRoom([ada, grace])
    await using one = await edge.client(ada)
    await using other = await edge.client(grace)
    await join(one, room)
    await join(other, room)
    const typing = () => other.frames.filter(({ type }) => type === 'typing')
    await expect
      .poll(
        () => {
          one.send({ type: 'typing', roomId: room, isTyping: true })
          return typing()[0]
        },
        { ...PATIENCE, interval: 200 },
      )
      .toEqual({ type: 'typing', roomId: room, userId: ada, isTyping: true })
    expect(one.frames.filter(({ type }) => type === 'typing')).toEqual([])
  })

  test('who is no member cannot be seen typing, also while it is looked whether they are', async () => {
    const [ada, grace, eve] = [await world.newUser(), await world.newUser(), await world.newUser()]
    const room = await world.newRoom([ada, grace])
    await using one = await edge.client(ada)
    await using other = await edge.client(grace)
    await using stranger = await edge.client(eve)
    await join(one, room)
    await join(other, room)
    const typing = () => other.frames.flatMap(({ type, userId }) => (type === 'typing' ? [userId] : []))
    await expect
      .poll(
        () => {
          one.send({ type: 'typing', roomId: room, isTyping: true })
          return typing()
        },
        { ...PATIENCE, interval: 200 },
      )
      .toContain(ada)
    stranger.send({ type: 'typing', roomId: room, isTyping: true })
    stranger.send({ type: 'joinRoom', roomId: room })
    stranger.send({ type: 'typing', roomId: room, isTyping: true })
    expect(await stranger.next('error')).toMatchObject({ code: 'not_a_member' })
    // What comes later on the same way shows that nothing else is on it.
    const before = typing().length
    one.send({ type: 'typing', roomId: room, isTyping: false })
    await expect.poll(() => typing().length, PATIENCE).toBeGreaterThan(before)
    expect(typing()).not.toContain(eve)
  })

  test('of who says without end that they type, on however many sockets, the room hears a little', async () => {
    const [ada, grace, linus] = [await world.newUser(), await world.newUser(), await world.newUser()]
    const room = await world.newRoom([ada, grace, linus])
    await using listening = await edge.client(grace)
    await using another = await edge.client(linus)
    const sockets = [await edge.client(ada), await edge.client(ada)]
    for (const client of [listening, another, ...sockets]) await join(client, room)
    const typingOf = (user: string) =>
      listening.frames.filter(({ type, userId }) => type === 'typing' && userId === user).length
    const hearLinus = async () => {
      const heard = typingOf(linus)
      await expect
        .poll(
          () => {
            another.send({ type: 'typing', roomId: room, isTyping: true })
            return typingOf(linus)
          },
          { ...PATIENCE, interval: 500 },
        )
        .toBeGreaterThan(heard + 1)
    }
    await hearLinus()
    const startedAtMs = performance.now()
    for (let i = 0; i < 80; i += 1) {
      for (const socket of sockets) socket.send({ type: 'typing', roomId: room, isTyping: i % 2 === 0 })
    }
    for (const socket of sockets) {
      socket.send({ type: 'heartbeat' })
      await socket.next('heartbeatAck')
    }
    const atMost = 21 + (5 * (performance.now() - startedAtMs)) / 1000
    // What comes later on the same way shows that nothing else is on it.
    await hearLinus()
    expect(typingOf(ada)).toBeGreaterThan(0)
    expect(typingOf(ada)).toBeLessThan(atMost)
    for (const socket of sockets) socket.terminate()
  })

  test('in rooms of more than 500 nobody is told who types or comes', async () => {
    const [ada, grace] = [await world.newUser(), await world.newUser()]
    const [large, small] = [await world.newRoom([ada, grace]), await world.newRoom([ada, grace])]
    await world.admin.db
      .updateTable('chat.rooms')
      .set({ member_count: 501 })
      .where('id', '=', large)
      .execute()
    await using one = await edge.client(ada)
    await using other = await edge.client(grace)
    for (const room of [large, small]) {
      await join(one, room)
      await join(other, room)
    }
    const typingIn = (room: string) =>
      other.frames.filter(({ type, roomId }) => type === 'typing' && roomId === room)
    await expect
      .poll(
        () => {
          for (const room of [large, small]) one.send({ type: 'typing', roomId: room, isTyping: true })
          return typingIn(small).length
        },
        { ...PATIENCE, interval: 200 },
      )
      .toBeGreaterThan(2)
    expect(typingIn(large)).toEqual([])
  })

  test('read positions reach the room, and the reader’s own sockets', async () => {
    const [ada, grace] = [await world.newUser(), await world.newUser()]
    const room = await world.newRoom([ada, grace])
    await using one = await edge.client(ada)
    await using other = await edge.client(grace)
    await join(other, room)
    const cursors = (client: TestClient) => client.frames.filter(({ type }) => type === 'readCursor')
    const signal = { type: 'readCursor', roomId: room, userId: ada, lastReadSeq: 7 } as const
    await expect
      .poll(
        async () => {
          await world.live.signals.publish(signal)
          return [cursors(one)[0], cursors(other)[0]]
        },
        { ...PATIENCE, interval: 200 },
      )
      .toEqual([signal, signal])
  })

  test('a read position is told once to who hears of it in two ways', async () => {
    const [ada, grace] = [await world.newUser(), await world.newUser()]
    const room = await world.newRoom([ada, grace])
    await using one = await edge.client(ada)
    await using other = await edge.client(grace)
    await join(one, room)
    await join(other, room)
    const seqs = (client: TestClient) =>
      client.frames.flatMap(({ type, lastReadSeq }) => (type === 'readCursor' ? [lastReadSeq] : []))
    const tell = (lastReadSeq: number) =>
      world.live.signals.publish({ type: 'readCursor', roomId: room, userId: ada, lastReadSeq })
    let first = 0
    await expect
      .poll(
        async () => {
          first += 1
          await tell(first)
          return seqs(one).length > 0 && seqs(other).length > 0
        },
        { ...PATIENCE, interval: 200 },
      )
      .toBe(true)
    for (const seq of [1001, 1002, 1003]) await tell(seq)
    for (const client of [one, other]) {
      await expect.poll(() => seqs(client), PATIENCE).toContain(1003)
      expect(seqs(client).filter((seq) => Number(seq) > 1000)).toEqual([1001, 1002, 1003])
    }
  })
})
