import { newId } from '@roomlog/protocol'
import type { TestClient } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { join, PATIENCE, type RunningEdge, seqsOf, suiteOnEngines, tokenFor, World } from './support.ts'

suiteOnEngines('membership', (engine) => {
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

  /** Ada and Grace in a room; then Grace is removed by `remove`. */
  async function removedBy(remove: (room: string) => Promise<void>) {
    const room = await world.newRoom([ada, grace])
    const clients = {
      ada: await edge.client(ada),
      grace: await edge.client(grace),
      aside: await edge.client(grace),
    }
    await join(clients.ada, room)
    await join(clients.grace, room)
    await world.say(room, ada, '1')
    await expect.poll(() => seqsOf(clients.grace, room), PATIENCE).toEqual([1])
    await remove(room)
    expect(await clients.grace.next('removedFromRoom')).toEqual({ type: 'removedFromRoom', roomId: room })
    await world.say(room, ada, '2')
    await expect.poll(() => seqsOf(clients.ada, room), PATIENCE).toEqual([1, 2])
    clients.grace.send({ type: 'joinRoom', roomId: room, afterSeq: 0 })
    expect(await clients.grace.next('error')).toMatchObject({ code: 'not_a_member' })
    expect(seqsOf(clients.grace, room)).toEqual([1])
    return { room, clients, close: () => Object.values(clients).map((client) => client.terminate()) }
  }

  function sendTo(client: TestClient, roomId: string) {
    const clientMsgId = newId()
    client.send({ type: 'sendMessage', roomId, clientMsgId, body: 'hello' })
    return client.next((frame) => frame.clientMsgId === clientMsgId)
  }

  test('a removal takes effect by its signal, and every socket of the user is told', async () => {
    const { room, clients, close } = await removedBy(async (roomId) => {
      const memberVersion = await world.remove(roomId, grace)
      await world.live.signals.publish({ type: 'memberRemoved', roomId, userId: grace, memberVersion })
    })
    expect(await clients.aside.next('removedFromRoom')).toEqual({ type: 'removedFromRoom', roomId: room })
    close()
  })

  test('a removal whose signal is lost is found', async () => {
    const { close } = await removedBy(async (roomId) => {
      await world.remove(roomId, grace)
    })
    close()
  })

  test('a removal that is told of late says nothing to a socket that was let in since', async () => {
    const room = await world.newRoom([ada, grace])
    const memberVersion = await world.remove(room, grace)
    await world.admin.db
      .insertInto('chat.room_members')
      .values({ room_id: room, user_id: grace, role: 'member' })
      .execute()
    await using client = await edge.client(grace)
    await using aside = await edge.client(grace)
    await join(client, room)
    const isTold = ({ frames }: TestClient) => frames.some(({ type }) => type === 'removedFromRoom')
    await expect
      .poll(
        async () => {
          await world.live.signals.publish({
            type: 'memberRemoved',
            roomId: room,
            userId: grace,
            memberVersion,
          })
          return isTold(aside)
        },
        { ...PATIENCE, interval: 200 },
      )
      .toBe(true)
    await world.say(room, ada, '1')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1])
    expect(isTold(client)).toBe(false)
  })

  test('who was removed can send no more', async () => {
    const room = await world.newRoom([ada, grace])
    await using client = await edge.client(grace)
    const send = () => sendTo(client, room)
    expect(await send()).toMatchObject({ status: 'ACCEPTED' })
    await world.remove(room, grace)
    await expect
      .poll(send, { ...PATIENCE, interval: 300 })
      .toMatchObject({ status: 'FAILED', code: 'not_a_member' })
  })

  test('what was known of senders before a restore is void', async () => {
    const room = await world.newRoom([ada, grace])
    await using client = await edge.client(grace)
    const send = () => sendTo(client, room)
    expect(await send()).toMatchObject({ status: 'ACCEPTED' })
    // As of a backup that was made before Grace came: the version is the same.
    await world.admin.db.deleteFrom('chat.room_members').where('user_id', '=', grace).execute()
    await world.admin.db.updateTable('chat.cluster').set({ epoch: newId() }).execute()
    await expect
      .poll(send, { ...PATIENCE, interval: 300 })
      .toMatchObject({ status: 'FAILED', code: 'not_a_member' })
  })

  test('who was added is told, on every socket', async () => {
    const room = await world.newRoom([ada])
    await using one = await edge.client(grace)
    await using other = await edge.client(grace)
    // Signals are heard once the user's channel is watched.
    await expect
      .poll(
        async () => {
          await world.live.signals.publish({ type: 'memberAdded', roomId: room, userId: grace })
          return [one, other].every(({ frames }) => frames.some(({ type }) => type === 'roomAdded'))
        },
        { ...PATIENCE, interval: 200 },
      )
      .toBe(true)
  })

  /** Ends Ada's session until the client is closed: signals are heard once her channel is watched. */
  async function closedBy(client: TestClient, sessionId: string) {
    const end = { type: 'sessionEnded', userId: ada, sessionId, deleted: false } as const
    await expect
      .poll(
        async () => {
          await world.live.signals.publish(end)
          return client.socket.readyState === client.socket.CLOSED
        },
        { ...PATIENCE, interval: 200 },
      )
      .toBe(true)
    return client.closed
  }

  test('a session that ends closes its sockets, and only those', async () => {
    const [mine, others] = [newId(), newId()]
    const ended = await edge.client(ada, tokenFor(ada, { claims: { sid: mine } }))
    await using goesOn = await edge.client(ada, tokenFor(ada, { claims: { sid: others } }))
    expect(await closedBy(ended, mine)).toEqual({ code: 4401, reason: 'unauthenticated' })
    goesOn.send({ type: 'heartbeat' })
    await goesOn.next('heartbeatAck')
    await world.live.signals.publish({ type: 'sessionEnded', userId: ada, sessionId: null, deleted: true })
    expect(await goesOn.closed).toEqual({ code: 4403, reason: 'accountDeleted' })
  })

  test('a socket belongs to the session of the token it was prolonged with', async () => {
    const [before, since] = [newId(), newId()]
    const client = await edge.client(ada, tokenFor(ada, { claims: { sid: before } }))
    client.send({ type: 'authenticate', token: tokenFor(ada, { claims: { sid: since } }) })
    await client.next('authenticated')
    expect(await closedBy(client, since)).toEqual({ code: 4401, reason: 'unauthenticated' })
  })
})
