import { expect, test } from 'vitest'
import { type Person, ROOM, World } from '../../test/world.ts'
import type { Platform } from '../platform/platform.ts'
import { Timeline } from './timeline.ts'

async function reading(count: number): Promise<{ world: World; ada: Person }> {
  const world = new World()
  say(world, count)
  const ada = await world.enter('ada')
  await world.time.pass(2000)
  return { world, ada }
}

function say(world: World, count: number): void {
  for (let i = 0; i < count; i += 1) world.server.say(ROOM, 'other')
  world.server.persist()
}

const bounds = ({ snapshot }: Person) => [snapshot.messages[0]?.seq, snapshot.messages.at(-1)?.seq]

async function during<T>(world: World, act: Promise<T>): Promise<T> {
  await world.time.pass(1000)
  return act
}

test('a room is shown from its newest page, and paged back to its first message in bounded memory', async () => {
  const { world, ada } = await reading(1234)
  expect(bounds(ada)).toEqual([1135, 1234])
  for (let i = 0; ada.snapshot.hasOlder; i += 1) {
    expect(i).toBeLessThan(20)
    const loading = ada.timeline.loadOlder()
    expect(ada.snapshot.isLoading).toBe(true)
    await during(world, loading)
    expect(ada.snapshot.messages.length).toBeLessThanOrEqual(500)
  }
  expect(bounds(ada)).toEqual([1, 500])
  expect([ada.snapshot.hasNewer, ada.snapshot.isLoading]).toEqual([true, false])
  say(world, 3)
  await world.time.pass(1000)
  expect(bounds(ada)).toEqual([1, 500])
  ada.timeline.jumpToNewest()
  expect(bounds(ada)).toEqual([1138, 1237])
  world.close()
})

test('one jumps to the first unread message, and reads on to what is live', async () => {
  const { world, ada } = await reading(1000)
  await during(world, ada.timeline.jumpTo(301))
  expect(bounds(ada)).toEqual([251, 350])
  while (ada.snapshot.hasNewer) {
    ada.timeline.lookAt(ada.snapshot.messages.at(-1)?.seq)
    await during(world, ada.timeline.loadNewer())
  }
  ada.timeline.lookAt(undefined)
  say(world, 5)
  await world.time.pass(1000)
  expect(bounds(ada)).toEqual([506, 1005])
  world.close()
})

test('a page that cannot be read rejects, and can be asked for again', async () => {
  const { world, ada } = await reading(300)
  world.server.weather = { ...world.server.weather, restLoss: () => 'unavailable' }
  const failing = expect(ada.timeline.loadOlder()).rejects.toMatchObject({
    code: 'unavailable',
    retryable: true,
  })
  await during(world, failing)
  expect([bounds(ada), ada.snapshot.isLoading]).toEqual([[201, 300], false])
  world.server.weather = { ...world.server.weather, restLoss: () => 'none' }
  await during(world, ada.timeline.loadOlder())
  expect(bounds(ada)).toEqual([101, 300])
  world.close()
})

test('after a restore everything begins anew, and it is told', async () => {
  const { world, ada } = await reading(50)
  const told: (number | 'reset')[] = []
  ada.timeline.on('messages', (messages) => told.push(...messages.map(({ seq }) => seq)))
  ada.timeline.on('reset', () => told.push('reset'))
  world.server.restore(ROOM, 2)
  await world.time.pass(20_000)
  say(world, 1)
  await world.time.pass(1000)
  expect(told).toEqual(['reset', 1, 2, 3])
  expect(ada.shown).toEqual(world.bodies)
  expect(ada.client.rooms.get().get(ROOM)).toMatchObject({ lastSeq: 3, unreadCount: 3 })
  world.close()
})

test.each([
  ['is shown until its message is', 7, ['persisted']],
  ['is of another log where that ends before it', 3, []],
] as const)('what is stored before the room’s first answer %s', (_name, headSeq, states) => {
  const never = () => undefined
  const timeline = new Timeline({
    ...{ platform: new World().time.parts as Platform, roomId: ROOM, write: never, sends: () => [] },
    ...{ readPage: () => new Promise<never>(never), onMessages: never, onClose: never },
  })
  const told = () => timeline.snapshot.get().sends.map(({ state }) => state)
  timeline.feed({ type: 'connected', connection: 1 })
  const send = { clientMsgId: 'mine', roomId: ROOM, body: '', createdAt: '', attempts: 1 }
  timeline.sendChanged({ ...send, state: 'persisted', seq: 7 })
  timeline.feed({ type: 'lost', connection: 1 })
  timeline.feed({ type: 'connected', connection: 2 })
  expect(told()).toEqual(['persisted'])
  const joined = { type: 'joinedRoom', roomId: ROOM, headSeq, epoch: 'another', ref: '2' } as const
  timeline.feed({ type: 'frame', connection: 2, frame: joined })
  expect(told()).toEqual(states)
})

test('who is removed sees no more, and after a return goes on without a gap', async () => {
  const { world, ada } = await reading(3)
  world.server.room(ROOM).members.delete('ada')
  world.server.push({ type: 'removedFromRoom', roomId: ROOM })
  await world.time.pass(1000)
  say(world, 2)
  await world.time.pass(1000)
  expect([ada.snapshot.isMember, ada.shown.length, ada.client.rooms.get().size]).toEqual([false, 3, 0])
  world.server.room(ROOM).members.add('ada')
  world.server.push({ type: 'roomAdded', roomId: ROOM })
  await world.time.pass(2000)
  expect([ada.snapshot.isMember, ada.shown]).toEqual([true, world.bodies])
  expect(ada.client.rooms.get().get(ROOM)?.lastSeq).toBe(5)
  world.close()
})

test('a room that is closed is opened anew, and a second time is the same', async () => {
  const { world, ada } = await reading(3)
  expect(ada.room.timeline()).toBe(ada.timeline)
  ada.timeline.close()
  say(world, 1)
  const again = ada.room.timeline()
  await world.time.pass(2000)
  expect(again.snapshot.get().messages).toHaveLength(4)
  expect(again.snapshot.get()).toMatchObject({ isLive: true, isLoaded: true, hasOlder: false })
  expect(ada.shown).toHaveLength(3)
  world.close()
})
