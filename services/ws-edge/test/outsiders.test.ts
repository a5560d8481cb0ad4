import { type ClientFrameType, clientFrameSchemas, DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import { type Frame, type TestClient, tableDigests } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { join, PATIENCE, type RunningEdge, seqsOf, suiteOnEngines, tokenFor, World } from './support.ts'

const OUTSIDERS = ['stranger', 'removed', 'deleted'] as const
type Outsider = (typeof OUTSIDERS)[number]
const PLACES = ['public', 'private', 'absent'] as const
type Place = (typeof PLACES)[number]

interface Asked {
  readonly roomId: string
  /** Another user's. */
  readonly token: string
}

interface Expectation {
  readonly frame: (asked: Asked) => object
  /** What whoever is no member is answered, besides what the frame said itself; undefined: nothing. */
  readonly answer: Readonly<Record<Place, object>> | undefined
}

const whatever = (answer: object) => ({ public: answer, private: answer, absent: answer })
const refused = (answer: object) => ({
  public: { ...answer, code: 'not_a_member', retryable: false },
  private: { ...answer, code: 'room_not_found', retryable: false },
  absent: { ...answer, code: 'room_not_found', retryable: false },
})

/** Every frame of a client. */
const FRAMES: Readonly<Record<ClientFrameType, Expectation>> = {
  joinRoom: {
    frame: ({ roomId }) => ({ type: 'joinRoom', roomId, afterSeq: 0 }),
    answer: refused({ type: 'error' }),
  },
  joinRooms: {
    frame: ({ roomId }) => ({ type: 'joinRooms', rooms: [{ roomId, afterSeq: 0 }] }),
    answer: refused({ type: 'error' }),
  },
  sendMessage: {
    frame: ({ roomId }) => ({
      type: 'sendMessage',
      roomId,
      clientMsgId: 'from-outside',
      body: 'from outside',
    }),
    answer: refused({ type: 'ack', status: 'FAILED' }),
  },
  // As to a member: it is true of any room.
  leaveRoom: {
    frame: ({ roomId }) => ({ type: 'leaveRoom', roomId }),
    answer: whatever({ type: 'leftRoom' }),
  },
  typing: { frame: ({ roomId }) => ({ type: 'typing', roomId, isTyping: true }), answer: undefined },
  heartbeat: { frame: () => ({ type: 'heartbeat' }), answer: whatever({ type: 'heartbeatAck' }) },
  authenticate: {
    frame: ({ token }) => ({ type: 'authenticate', token }),
    answer: whatever({ type: 'error', code: 'unauthenticated', retryable: false }),
  },
}
const TYPES = Object.keys(FRAMES) as ClientFrameType[]

suiteOnEngines('whoever is no member', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let [owner, peer] = ['', '']
  let rooms: Readonly<Record<Place, string>>
  let clients: Readonly<Record<Outsider, TestClient>>
  let inside: TestClient

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    const [removed, deleted] = [await world.newUser(), await world.newUser()]
    ;[owner, peer] = [await world.newUser(), await world.newUser()]
    const members = [owner, peer, removed, deleted]
    rooms = {
      public: await world.newRoom(members),
      private: await world.newRoom(members, 'private'),
      absent: newId(),
    }
    clients = {
      stranger: resources.use(await edge.client(await world.newUser())),
      removed: resources.use(await edge.client(removed)),
      deleted: resources.use(await edge.client(deleted)),
    }
    inside = resources.use(await edge.client(owner))
    for (const roomId of [rooms.public, rooms.private]) {
      await join(inside, roomId)
      await join(clients.removed, roomId)
      for (const userId of [removed, deleted]) await world.remove(roomId, userId)
      await clients.removed.next((frame) => frame.type === 'removedFromRoom' && frame.roomId === roomId)
    }
    const gone = { deleted_at: new Date() }
    await world.admin.db.updateTable('chat.users').set(gone).where('id', '=', deleted).execute()
  })
  afterAll(() => resources.disposeAsync())

  const everything = () => tableDigests(world.config.database.url, ['chat'])

  /** All that a frame is answered, up to the answer of the heartbeat behind it. */
  async function answersTo(
    client: TestClient,
    type: ClientFrameType,
    roomId: string,
  ): Promise<readonly Frame[]> {
    const ref = newId()
    const from = client.frames.length
    client.send({ ...FRAMES[type].frame({ roomId, token: tokenFor(owner) }), ref })
    if (FRAMES[type].answer !== undefined) await client.next((frame) => frame.ref === ref)
    client.send({ type: 'heartbeat', ref: `${ref}.` })
    await client.next((frame) => frame.ref === `${ref}.`)
    return client.frames.slice(from).filter((frame) => frame.ref !== `${ref}.`)
  }

  test('has an expectation for every frame', () => {
    expect(TYPES.toSorted()).toEqual(Object.keys(clientFrameSchemas(DEFAULT_LIMITS)).toSorted())
  })

  describe.each(TYPES)('who sends %s', (type) => {
    test('without a token is closed and answered nothing', async () => {
      const before = await everything()
      await using client = await edge.connect()
      client.send(FRAMES[type].frame({ roomId: rooms.public, token: tokenFor(owner) }))
      expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
      expect(client.frames).toEqual([])
      expect(await everything()).toEqual(before)
    })

    test.each(OUTSIDERS)('and is %s gets its one answer, and changes nothing', async (outsider) => {
      const before = await everything()
      const told: Record<string, unknown> = {}
      for (const place of PLACES) {
        const answers = await answersTo(clients[outsider], type, rooms[place])
        const { answer } = FRAMES[type]
        expect({ place, answers }).toMatchObject({
          place,
          answers: answer === undefined ? [] : [answer[place]],
        })
        told[place] = answers.map(({ roomId: _room, ref: _ref, expiresInMs: _left, ...frame }) => frame)
      }
      expect(told.private).toEqual(told.absent)
      expect(await everything()).toEqual(before)
      for (const roomId of Object.values(rooms)) expect(world.createdIn(roomId)).toEqual([])
    })
  })

  test('hears nothing of rooms, and is not heard there', async () => {
    for (const roomId of [rooms.public, rooms.private]) {
      for (const client of Object.values(clients)) client.send({ type: 'typing', roomId, isTyping: true })
      await world.say(roomId, owner, 'for members')
      await expect.poll(() => seqsOf(inside, roomId), PATIENCE).toEqual([1])
      // In a room signals come in the order in which they were given.
      await using other = await edge.client(peer)
      await join(other, roomId)
      await expect
        .poll(
          () => {
            other.send({ type: 'typing', roomId, isTyping: true })
            return inside.frames.some((frame) => frame.type === 'typing' && frame.roomId === roomId)
          },
          { ...PATIENCE, interval: 200 },
        )
        .toBe(true)
    }
    const typists = inside.frames.filter(({ type }) => type === 'typing').map(({ userId }) => userId)
    expect(new Set(typists)).toEqual(new Set([peer]))
    const ofRooms = ['joinedRoom', 'newMessage', 'typing', 'presence', 'readCursor', 'roomChanged']
    for (const [outsider, { frames }] of Object.entries(clients)) {
      const since = frames.findLastIndex(({ type }) => type === 'removedFromRoom')
      const heard = frames.slice(since + 1).filter(({ type }) => ofRooms.includes(type))
      expect([outsider, heard]).toEqual([outsider, []])
    }
  })
})
