import { newId } from '@roomlog/protocol'
import type { TestClient } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { messagesOf, PATIENCE, type RunningEdge, suiteOnEngines, World } from './support.ts'

const RACES = 200
const AT_ONCE = 50

suiteOnEngines('races of joining, leaving, sending and being removed', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let ada: string
  let inside: TestClient

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    ada = await world.newUser()
    inside = resources.use(await edge.client(ada))
  })
  afterAll(() => resources.disposeAsync())

  function send(client: TestClient, roomId: string) {
    const clientMsgId = newId()
    client.send({ type: 'sendMessage', roomId, clientMsgId, body: 'from the removed' })
    return client.next((frame) => frame.clientMsgId === clientMsgId && frame.type === 'ack')
  }

  /** The removal comes at another moment each time; of every other one no edge is told. */
  async function race(round: number): Promise<void> {
    const user = await world.newUser()
    const room = await world.newRoom([ada, user], round % 3 === 0 ? 'private' : 'public')
    await using client = await edge.client(user)
    inside.send({ type: 'joinRoom', roomId: room, afterSeq: 0 })
    await world.say(room, ada, 'before')
    const remove = async () => {
      const memberVersion = await world.remove(room, user)
      if (round % 2 === 0) return
      const signal = { type: 'memberRemoved', roomId: room, userId: user, memberVersion } as const
      // One that is lost is found all the same.
      await world.live.signals.publish(signal).catch(() => undefined)
    }
    const acts = [
      () => client.send({ type: 'joinRoom', roomId: room, afterSeq: 0 }),
      () => send(client, room),
      () => client.send({ type: 'leaveRoom', roomId: room }),
      () => client.send({ type: 'joinRoom', roomId: room }),
      () => world.say(room, ada, 'meanwhile'),
    ]
    const at = round % (acts.length + 1)
    await Promise.all(acts.toSpliced(at, 0, remove).map((act) => act()))

    await expect
      .poll(() => send(client, room), { ...PATIENCE, interval: 300 })
      .toMatchObject({ status: 'FAILED', code: round % 3 === 0 ? 'room_not_found' : 'not_a_member' })
    // What was live when the removal came has been found by then, too, or had it been told.
    await expect.poll(() => isLive(client, room), PATIENCE).toBe(false)
    await world.say(room, ada, 'after')
    await expect.poll(() => bodiesOf(inside, room), PATIENCE).toContain('after')
    client.send({ type: 'joinRoom', roomId: room, afterSeq: 0, ref: 'last' })
    expect(await client.next((frame) => frame.ref === 'last')).toMatchObject({ type: 'error' })
    expect(bodiesOf(client, room)).not.toContain('after')
    const idsOf = (wanted: string) =>
      client.frames
        .filter(({ status, code }) => (code ?? status) === wanted)
        .map((frame) => frame.clientMsgId)
    const created = () => world.createdIn(room).map(({ clientMsgId }) => clientMsgId)
    await expect.poll(created, PATIENCE).toEqual(expect.arrayContaining(idsOf('ACCEPTED')))
    const refused = [...idsOf('not_a_member'), ...idsOf('room_not_found')]
    expect(created().filter((id) => refused.includes(id))).toEqual([])
  }

  test(`×${RACES}: once it is refused, a member of before hears nothing and says nothing`, async () => {
    for (let from = 0; from < RACES; from += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => race(from + i)))
    }
  }, 240_000)
})

function bodiesOf(client: TestClient, roomId: string): readonly string[] {
  return messagesOf(client, roomId).map(({ body }) => body)
}

/** As far as the client has been told. */
function isLive({ frames }: TestClient, roomId: string): boolean {
  const last = frames.findLast(
    ({ type, roomId: of }) => of === roomId && ['joinedRoom', 'leftRoom', 'removedFromRoom'].includes(type),
  )
  return last?.type === 'joinedRoom'
}
