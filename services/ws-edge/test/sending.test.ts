import { encodeRejected } from '@roomlog/events'
import { DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import type { TestClient } from '@roomlog/testkit'
import { BODY } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENCE, type RunningEdge, suiteOnEngines, World } from './support.ts'

suiteOnEngines('sending', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let ada = ''
  let room = ''

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    ada = await world.newUser()
    room = await world.newRoom([ada])
  })
  afterAll(() => resources.disposeAsync())

  function send(client: TestClient, fields: Readonly<Record<string, unknown>> = {}) {
    const frame = { type: 'sendMessage', roomId: room, clientMsgId: newId(), body: BODY, ...fields }
    client.send(frame)
    return client.next(({ type, clientMsgId }) => type === 'ack' && clientMsgId === frame.clientMsgId)
  }

  test('is acknowledged once the log has it, also without having joined', async () => {
    await using client = await edge.client(ada)
    const clientMsgId = newId()
    const body = 'emoji 😀, RTL \u202e, and \t tabs'
    expect(await send(client, { clientMsgId, body, ref: 'mine' })).toEqual({
      type: 'ack',
      roomId: room,
      clientMsgId,
      status: 'ACCEPTED',
      ref: 'mine',
    })
    await expect
      .poll(() => world.createdIn(room), PATIENCE)
      .toEqual([
        expect.objectContaining({
          v: 1,
          roomId: room,
          senderId: ada,
          clientMsgId,
          body,
          edgeId: 'edge-test',
        }),
      ])
  })

  test('keeps the order of one socket', async () => {
    const own = await world.newRoom([ada])
    await using client = await edge.client(await world.newUser())
    await using sender = await edge.client(ada)
    const bodies = Array.from({ length: 15 }, (_, i) => `${i}`)
    const acks = bodies.map((body) => send(sender, { roomId: own, body }))
    expect((await Promise.all(acks)).map(({ status }) => status)).toEqual(bodies.map(() => 'ACCEPTED'))
    await expect.poll(() => world.createdIn(own).map(({ body }) => body), PATIENCE).toEqual(bodies)
    expect(client.frames).toHaveLength(1)
  })

  test.each([
    ['an empty body', { body: '' }],
    ['a body too long', { body: 'x'.repeat(DEFAULT_LIMITS.maxBody + 1) }],
    ['NUL', { body: 'a\0b' }],
    ['a lone surrogate', { body: '\ud800' }],
    ['no text', { body: 7 }],
    ['no body', { body: undefined }],
  ])('%s is refused for good, by an ack', async (_name, fields) => {
    await using client = await edge.client(await world.newUser())
    expect(await send(client, { ...fields, ref: 'r' })).toMatchObject({
      status: 'FAILED',
      code: 'validation_failed',
      retryable: false,
      ref: 'r',
    })
  })

  test('a body of the full length is taken', async () => {
    await using client = await edge.client(ada)
    expect(await send(client, { body: 'é'.repeat(DEFAULT_LIMITS.maxBody) })).toMatchObject({
      status: 'ACCEPTED',
    })
  })

  test.each([
    ['a bad clientMsgId', { clientMsgId: 'short' }],
    ['a bad roomId', { roomId: 'x' }],
  ])('%s cannot be answered by an ack, and is by an error', async (_name, fields) => {
    await using client = await edge.client(ada)
    client.send({ type: 'sendMessage', roomId: room, clientMsgId: newId(), body: 'x', ref: 'r', ...fields })
    expect(await client.next('error')).toMatchObject({
      code: 'validation_failed',
      ref: 'r',
      retryable: false,
    })
  })

  test('is for members: to others a private room does not exist', async () => {
    await using client = await edge.client(await world.newUser())
    const hidden = await world.newRoom([ada], 'private')
    const failed = { status: 'FAILED', retryable: false }
    expect(await send(client)).toMatchObject({ ...failed, code: 'not_a_member' })
    expect(await send(client, { roomId: hidden })).toMatchObject({ ...failed, code: 'room_not_found' })
    expect(await send(client, { roomId: newId() })).toMatchObject({ ...failed, code: 'room_not_found' })
  })

  test('works at once for who has just become a member', async () => {
    const late = await world.newUser()
    await using client = await edge.client(late)
    expect(await send(client)).toMatchObject({ code: 'not_a_member' })
    await world.admin.db
      .insertInto('chat.room_members')
      .values({ room_id: room, user_id: late, role: 'member' })
      .execute()
    expect(await send(client)).toMatchObject({ status: 'ACCEPTED' })
  })

  test('faster than a user may is refused for a moment', async () => {
    const user = await world.newUser()
    const own = await world.newRoom([user])
    await using client = await edge.client(user)
    const acks = []
    for (let i = 0; i < 5; i += 1) {
      const some = Array.from({ length: 10 }, () => send(client, { roomId: own }))
      acks.push(...(await Promise.all(some)))
    }
    const refused = acks.filter(({ status }) => status === 'FAILED')
    expect(refused.length).toBeGreaterThan(0)
    for (const ack of refused) {
      expect(ack).toMatchObject({ code: 'rate_limited', retryable: true })
      expect(ack.retryAfterMs).toBeGreaterThan(0)
    }
    const published = () => world.createdIn(own).length
    await expect.poll(published, PATIENCE).toBe(50 - refused.length)
  })

  test('strangers do not use up what members may send to a room', async () => {
    await using tight = await world.edge(
      {},
      { edgeId: newId(), limits: { ...DEFAULT_LIMITS, roomMessagesPerSecond: 2 } },
    )
    const own = await world.newRoom([ada])
    await using stranger = await tight.client(await world.newUser())
    await using member = await tight.client(ada)
    for (let i = 0; i < 10; i += 1) {
      expect(await send(stranger, { roomId: own })).toMatchObject({ code: 'not_a_member' })
    }
    const acks = await Promise.all(Array.from({ length: 4 }, () => send(member, { roomId: own })))
    expect(acks.map(({ status, code }) => code ?? status).toSorted()).toEqual([
      'ACCEPTED',
      'ACCEPTED',
      'rate_limited',
      'rate_limited',
    ])
  })

  test('more than may wait on one socket are refused at once', async () => {
    await using few = await world.edge({}, { edgeId: newId(), limits: { ...DEFAULT_LIMITS, maxUnacked: 2 } })
    await using client = await few.client(ada)
    const acks = await Promise.all(Array.from({ length: 5 }, () => send(client)))
    expect(acks.filter(({ status }) => status === 'ACCEPTED')).toHaveLength(2)
    for (const ack of acks.filter(({ status }) => status === 'FAILED')) {
      expect(ack).toMatchObject({ code: 'overloaded', retryable: true, retryAfterMs: expect.any(Number) })
    }
  })

  test('a repeat of what is stored is answered with its place, and published no more', async () => {
    const own = await world.newRoom([ada])
    const [stored] = await world.store(own, ada, [BODY])
    await using client = await edge.client(ada)
    const { clientMsgId } = stored ?? { clientMsgId: '' }
    const again = { roomId: own, clientMsgId, repeat: true }
    expect(await send(client, again)).toMatchObject({ status: 'ACCEPTED', messageId: stored?.id, seq: 1 })
    expect(await send(client, { ...again, body: 'another' })).toMatchObject({
      status: 'FAILED',
      code: 'client_msg_id_reused',
      retryable: false,
    })
    // What was never stored is published, repeat or not.
    const fresh = newId()
    expect(await send(client, { roomId: own, clientMsgId: fresh, repeat: true })).not.toHaveProperty('seq')
    await expect.poll(() => world.createdIn(own).map((event) => event.clientMsgId), PATIENCE).toEqual([fresh])
  })

  test('a rejection reaches every socket of its sender, and nobody else', async () => {
    const clientMsgId = newId()
    await using one = await edge.client(ada)
    await using other = await edge.client(ada)
    await using stranger = await edge.client(await world.newUser())
    const event = { roomId: room, senderId: ada, clientMsgId, code: 'client_msg_id_reused' } as const
    await world.eventLog.append('persisted', encodeRejected(event))
    for (const client of [one, other]) {
      expect(await client.next('messageRejected')).toEqual({
        type: 'messageRejected',
        roomId: room,
        clientMsgId,
        code: 'client_msg_id_reused',
      })
    }
    expect(stranger.frames).toHaveLength(1)
  })

  test('while the database is away, known members go on if the log does; others are asked to come again', async () => {
    await using client = await edge.client(ada)
    await using unknown = await edge.client(await world.newUser())
    expect(await send(client)).toMatchObject({ status: 'ACCEPTED' })
    const failed = { status: 'FAILED', retryable: true }
    world.proxy.cut()
    try {
      // On the embedded engine the log is away with it, and what became of the send is not known.
      const own = engine === 'full' ? { status: 'ACCEPTED' } : { ...failed, code: 'unavailable' }
      expect(await send(client)).toMatchObject(own)
      const asked = { ...failed, code: 'overloaded', retryAfterMs: expect.any(Number) }
      expect(await send(unknown)).toMatchObject(asked)
    } finally {
      world.proxy.heal()
    }
  })
})
