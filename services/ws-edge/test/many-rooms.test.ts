import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENCE, type RunningEdge, seqsOf, suiteOnEngines, upTo, World } from './support.ts'

const ROOMS = 24
/** More than a page in each of them, and 17 MB together: a socket that held two pages a room would be closed as slow. */
const MESSAGES = 180
const BODY = 'x'.repeat(3900)

suiteOnEngines('many rooms on one socket', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let ada = ''
  let rooms: readonly string[] = []

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    ada = await world.newUser()
    rooms = await Promise.all(Array.from({ length: ROOMS }, () => world.newRoom([ada])))
    for (const room of rooms) await world.store(room, ada, Array<string>(MESSAGES).fill(BODY))
  })
  afterAll(() => resources.disposeAsync())

  test('are resumed a page at a time, and all of them', async () => {
    await using client = await edge.client(ada)
    client.send({ type: 'joinRooms', rooms: rooms.map((roomId) => ({ roomId, afterSeq: 0 })) })
    await expect
      .poll(() => rooms.map((room) => seqsOf(client, room).length), PATIENCE)
      .toEqual(Array(ROOMS).fill(MESSAGES))
    for (const room of rooms) expect(seqsOf(client, room)).toEqual(upTo(MESSAGES))
    for (const room of rooms) await world.say(room, ada, 'live')
    await expect
      .poll(() => rooms.every((room) => seqsOf(client, room).at(-1) === MESSAGES + 1), PATIENCE)
      .toBe(true)
  })

  test('go on for who leaves and joins some of them meanwhile', async () => {
    await using client = await edge.client(ada)
    client.send({ type: 'joinRooms', rooms: rooms.map((roomId) => ({ roomId, afterSeq: 0 })) })
    for (const [index, roomId] of rooms.entries()) {
      if (index % 3 === 0) client.send({ type: 'leaveRoom', roomId })
      if (index % 3 === 1) client.send({ type: 'joinRoom', roomId, afterSeq: MESSAGES })
    }
    await client.next((frame) => frame.type === 'leftRoom' && frame.roomId === rooms[ROOMS - (ROOMS % 3) - 3])
    const stayed = rooms.filter((_, index) => index % 3 === 2)
    await expect
      .poll(() => stayed.every((room) => seqsOf(client, room).length > MESSAGES), PATIENCE)
      .toBe(true)
    for (const room of stayed) expect(seqsOf(client, room)).toEqual(upTo(MESSAGES + 1))
  })
})
