import { newId } from '@roomlog/protocol'
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

  test('who was removed can send no more', async () => {
    const room = await world.newRoom([ada, grace])
    await using client = await edge.client(grace)
    const send = async () => {
      const clientMsgId = newId()
      client.send({ type: 'sendMessage', roomId: room, clientMsgId, body: 'hello' })
      return client.next((frame) => frame.clientMsgId === clientMsgId)
    }
    expect(await send()).toMatchObject({ status: 'ACCEPTED' })
    await world.remove(room, grace)
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

  test('a session that ends closes its sockets, and only those', async () => {
    const [mine, others] = [newId(), newId()]
    const ended = await edge.client(ada, tokenFor(ada, { claims: { sid: mine } }))
    await using goesOn = await edge.client(ada, tokenFor(ada, { claims: { sid: others } }))
    await expect
      .poll(
        async () => {
          await world.live.signals.publish({
            type: 'sessionEnded',
            userId: ada,
            sessionId: mine,
            deleted: false,
          })
          return ended.socket.readyState === ended.socket.CLOSED
        },
        { ...PATIENCE, interval: 200 },
      )
      .toBe(true)
    expect(await ended.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
    goesOn.send({ type: 'heartbeat' })
    await goesOn.next('heartbeatAck')
    await world.live.signals.publish({ type: 'sessionEnded', userId: ada, sessionId: null, deleted: true })
    expect(await goesOn.closed).toEqual({ code: 4403, reason: 'accountDeleted' })
  })
})
