import { DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  join,
  messagesOf,
  PATIENCE,
  type RunningEdge,
  seqsOf,
  suiteOnEngines,
  upTo,
  World,
} from './support.ts'

suiteOnEngines('joining a room', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let [ada, grace] = ['', '']

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    ;[ada, grace] = [await world.newUser(), await world.newUser()]
  })
  afterAll(() => resources.disposeAsync())

  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `message ${i + 1}`)

  test('tells the head, and streams what comes after it', async () => {
    const room = await world.newRoom([ada, grace])
    await world.say(room, ada, 'before')
    await using client = await edge.client(grace)
    client.send({ type: 'joinRoom', roomId: room, ref: 'mine' })
    const joined = await client.next('joinedRoom')
    expect(joined).toMatchObject({ roomId: room, headSeq: 1, ref: 'mine' })
    expect(joined).not.toHaveProperty('recovered')
    const said = await world.say(room, ada, 'one', 'two 😀 \u202e')
    await expect.poll(() => messagesOf(client, room), PATIENCE).toEqual(said)
  })

  test.each([
    ['from the start', 0, 3],
    ['in the middle', 2, 3],
    ['at the head', 3, 3],
  ])('resumes %s, gapless into the live stream', async (_name, afterSeq, head) => {
    const room = await world.newRoom([ada])
    await world.say(room, ada, ...numbered(head))
    await using client = await edge.client(ada)
    expect(await join(client, room, afterSeq)).toMatchObject({ headSeq: head, recovered: true })
    await world.say(room, ada, 'live')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual(upTo(head + 1, afterSeq + 1))
  })

  test('resumes over several pages, while messages go on', async () => {
    const room = await world.newRoom([ada])
    await world.say(room, ada, ...numbered(450))
    await using client = await edge.client(ada)
    client.send({ type: 'joinRoom', roomId: room, afterSeq: 0 })
    for (let i = 0; i < 20; i += 1) await world.say(room, ada, 'meanwhile')
    await expect.poll(() => seqsOf(client, room).length, PATIENCE).toBe(470)
    expect(seqsOf(client, room)).toEqual(upTo(470))
  })

  test('too far behind, starts at the head and says so', async () => {
    const room = await world.newRoom([ada])
    await world.say(room, ada, ...numbered(DEFAULT_LIMITS.maxResume + 1))
    await using client = await edge.client(ada)
    expect(await join(client, room, 0)).toMatchObject({
      headSeq: DEFAULT_LIMITS.maxResume + 1,
      recovered: false,
      reason: 'too_far',
    })
    await world.say(room, ada, 'live')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([DEFAULT_LIMITS.maxResume + 2])
    await using near = await edge.client(ada)
    expect(await join(near, room, 2)).toMatchObject({ recovered: true })
    await expect.poll(() => seqsOf(near, room).length, PATIENCE).toBe(DEFAULT_LIMITS.maxResume)
  })

  test('from beyond the head is told to forget the room', async () => {
    const room = await world.newRoom([ada])
    await world.say(room, ada, 'one')
    await using client = await edge.client(ada)
    expect(await join(client, room, 2)).toMatchObject({ headSeq: 1, recovered: false, reason: 'reset' })
    await world.say(room, ada, 'two')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([2])
  })

  test('again restarts the stream at its own answer', async () => {
    const room = await world.newRoom([ada])
    await world.say(room, ada, 'one', 'two')
    await using client = await edge.client(ada)
    await join(client, room, 0)
    await join(client, room, 1)
    await world.say(room, ada, 'three')
    await expect.poll(() => seqsOf(client, room).slice(-2), PATIENCE).toEqual([2, 3])
    const order = client.frames.flatMap((frame): readonly unknown[] => {
      if (frame.type === 'joinedRoom') return ['joined']
      return frame.type === 'newMessage' ? [(frame.message as { seq: number }).seq] : []
    })
    const second = order.lastIndexOf('joined')
    expect(order.slice(second)).toEqual(['joined', 2, 3])
  })

  test('many at once, each is answered for itself', async () => {
    const rooms = [await world.newRoom([ada]), await world.newRoom([grace]), await world.newRoom([ada])]
    await world.say(rooms[2] ?? '', ada, 'one')
    await using client = await edge.client(ada)
    client.send({ type: 'joinRooms', rooms: rooms.map((roomId) => ({ roomId, afterSeq: 0 })), ref: 'all' })
    const answered = () => client.frames.filter(({ ref }) => ref === 'all')
    await expect.poll(() => answered().length, PATIENCE).toBe(3)
    const kinds = Object.fromEntries(answered().map((frame) => [frame.roomId, frame.code ?? frame.type]))
    expect(kinds).toEqual({
      [rooms[0] ?? '']: 'joinedRoom',
      [rooms[1] ?? '']: 'not_a_member',
      [rooms[2] ?? '']: 'joinedRoom',
    })
    await expect.poll(() => seqsOf(client, rooms[2] ?? ''), PATIENCE).toEqual([1])
  })

  test('is for members: to others a private room does not exist', async () => {
    await using client = await edge.client(grace)
    const refusal = async (roomId: string) => {
      client.send({ type: 'joinRoom', roomId })
      return client.next((frame) => frame.type === 'error' && frame.roomId === roomId)
    }
    const [open, hidden, missing] = [
      await world.newRoom([ada]),
      await world.newRoom([ada], 'private'),
      newId(),
    ]
    expect(await refusal(open)).toMatchObject({ code: 'not_a_member', retryable: false })
    const [private_, none] = [await refusal(hidden), await refusal(missing)]
    expect(private_).toMatchObject({ code: 'room_not_found', retryable: false })
    expect({ ...private_, roomId: '' }).toEqual({ ...none, roomId: '' })
    await world.say(open, ada, 'not for Grace')
    await using member = await edge.client(ada)
    await join(member, open, 0)
    await expect.poll(() => seqsOf(member, open), PATIENCE).toEqual([1])
    expect(client.frames.some(({ type }) => type === 'newMessage')).toBe(false)
  })

  test('ends with leaving: nothing of the room follows', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    await join(client, room)
    client.send({ type: 'leaveRoom', roomId: room, ref: 'bye' })
    expect(await client.next('leftRoom')).toEqual({ type: 'leftRoom', roomId: room, ref: 'bye' })
    await using witness = await edge.client(ada)
    await join(witness, room)
    await world.say(room, ada, 'after')
    await expect.poll(() => seqsOf(witness, room), PATIENCE).toEqual([1])
    client.send({ type: 'heartbeat' })
    await client.next('heartbeatAck')
    expect(seqsOf(client, room)).toEqual([])
  })

  test('is refused above the limit of rooms', async () => {
    await using small = await world.edge(
      {},
      {
        edgeId: newId(),
        limits: { ...DEFAULT_LIMITS, maxRoomsPerSocket: 2 },
      },
    )
    await using client = await small.client(ada)
    const rooms = [await world.newRoom([ada]), await world.newRoom([ada]), await world.newRoom([ada])]
    for (const room of rooms.slice(0, 2)) await join(client, room)
    client.send({ type: 'joinRoom', roomId: rooms[2], ref: 'third' })
    expect(await client.next('error')).toMatchObject({
      code: 'too_many_rooms',
      roomId: rooms[2],
      ref: 'third',
      retryable: false,
    })
    // Again into one that it is in is no further room.
    await join(client, rooms[0] ?? '')
    client.send({ type: 'leaveRoom', roomId: rooms[0] })
    await join(client, rooms[2] ?? '')
  })

  test('again and again, without waiting for an answer, is refused above as many as the rooms of a socket', async () => {
    const limits = { ...DEFAULT_LIMITS, maxRoomsPerSocket: 3 }
    await using small = await world.edge({}, { edgeId: newId(), limits })
    const [room, ref] = [await world.newRoom([ada]), 'r']
    await using client = await small.client(ada)
    world.proxy.freeze()
    try {
      for (let i = 0; i < 5; i += 1) client.send({ type: 'joinRoom', roomId: room, ref })
      for (let i = 0; i < 2; i += 1) {
        expect(await client.next('error')).toMatchObject({
          code: 'overloaded',
          roomId: room,
          ref,
          retryable: true,
          retryAfterMs: expect.any(Number),
        })
      }
    } finally {
      world.proxy.heal()
    }
    // The latest that was taken is the one that stands.
    await client.next((frame) => frame.type === 'joinedRoom' || frame.code === 'unavailable', 15_000)
    await expect
      .poll(
        async () => {
          client.send({ type: 'joinRoom', roomId: room })
          return (await client.next((frame) => frame.roomId === room)).type
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe('joinedRoom')
  })

  test('of one user, on however many sockets, is refused above a rate', async () => {
    const limits = { ...DEFAULT_LIMITS, maxRoomsPerSocket: 3 }
    await using small = await world.edge({}, { edgeId: newId(), limits })
    const room = await world.newRoom([ada, grace])
    const sockets = [await small.client(ada), await small.client(ada), await small.client(ada)]
    let taken = 0
    for (let answer = {}, i = 0; !('code' in answer); i += 1) {
      // Each waits for its answer, so that not too many are under way; the rate is 1.2 a second, after 12.
      expect(i).toBeLessThan(100)
      const [socket, ref] = [sockets[i % 3], `join ${i}`]
      socket?.send({ type: 'joinRoom', roomId: room, ref })
      answer = (await socket?.next((frame) => frame.ref === ref)) ?? {}
      if (!('code' in answer)) taken += 1
      else
        expect(answer).toMatchObject({
          code: 'overloaded',
          retryable: true,
          retryAfterMs: expect.any(Number),
        })
    }
    expect(taken).toBeGreaterThanOrEqual(12)
    await using other = await small.client(grace)
    await join(other, room)
    for (const socket of sockets) socket.terminate()
  })

  test('that is refused again and again closes with 4429: one frame asks for a hundred answers', async () => {
    await using client = await edge.client(ada)
    const rooms = Array.from({ length: 100 }, () => ({ roomId: newId() }))
    for (let i = 0; i < 90; i += 1) client.send({ type: 'joinRooms', rooms })
    expect(await client.closed).toEqual({ code: 4429, reason: 'limitExceeded' })
    expect(client.frames.filter(({ code }) => code === 'overloaded').length).toBeLessThan(8000)
  })

  test('is refused while the database is away, and works again after', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    world.proxy.cut()
    try {
      client.send({ type: 'joinRoom', roomId: room })
      expect(await client.next('error', 15_000)).toMatchObject({ code: 'unavailable', retryable: true })
    } finally {
      world.proxy.heal()
    }
    await expect
      .poll(
        async () => {
          client.send({ type: 'joinRoom', roomId: room })
          const answer = await client.next((frame) => frame.roomId === room)
          return answer.type
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe('joinedRoom')
  })
})
