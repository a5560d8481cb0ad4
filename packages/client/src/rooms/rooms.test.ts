import type { ServerFrame } from '@roomlog/protocol/wire'
import { describe, expect, test } from 'vitest'
import { type Person, ROOM, World } from '../../test/world.ts'
import type { RoomlogClient } from '../client.ts'

const OTHER = 'other'
const LEFT = 'left'
/** By then the api has answered what it is asked now; a socket takes longer. */
const ANSWERED_MS = 12

async function online(): Promise<{ world: World; ada: Person }> {
  const world = new World()
  world.server.addRoom(OTHER, ['ada'])
  for (let i = 0; i < 3; i += 1) world.server.say(OTHER, 'grace')
  world.server.persist()
  const ada = await world.enter('ada')
  await world.time.pass(2000)
  return { world, ada }
}

const facts = ({ client }: Person, roomId = OTHER) => client.rooms.get().get(roomId)

describe('the list of rooms', () => {
  test('has unread counts and last messages of all rooms, also of those that nobody looks at', async () => {
    const { world, ada } = await online()
    expect(facts(ada)).toMatchObject({ lastSeq: 3, lastReadSeq: 0, unreadCount: 3 })
    const heard: string[] = []
    ada.client.on('newMessage', ({ message: { roomId, body } }) => heard.push(`${roomId}: ${body}`))
    world.server.say(OTHER, 'grace')
    world.server.persist()
    await world.time.pass(1000)
    const last = world.server.room(OTHER).log.at(-1)
    expect(facts(ada)).toMatchObject({ lastSeq: 4, unreadCount: 4, lastMessage: last })
    expect(heard).toEqual([`${OTHER}: ${last?.body}`])
    world.close()
  })

  test('is read again after a loss, until that is possible', async () => {
    const { world, ada } = await online()
    world.server.weather = { ...world.server.weather, restLoss: () => 'unavailable' }
    for (const socket of [...world.server.sockets]) socket.lose()
    world.server.say(OTHER, 'grace')
    world.server.persist()
    await world.time.pass(30_000)
    expect(facts(ada)?.lastSeq).toBe(3)
    world.server.weather = { ...world.server.weather, restLoss: () => 'none' }
    await world.time.pass(20_000)
    expect(facts(ada)).toMatchObject({ lastSeq: 4, lastMessage: { seq: 4 } })
    world.close()
  })

  test('knows what this user has read elsewhere, and what was renamed', async () => {
    const { world, ada } = await online()
    world.server.push({ type: 'readCursor', roomId: OTHER, userId: 'ada', lastReadSeq: 2 })
    world.server.push({ type: 'readCursor', roomId: OTHER, userId: 'grace', lastReadSeq: 3 })
    await world.time.pass(100)
    expect(facts(ada)).toMatchObject({ lastReadSeq: 2, unreadCount: 1 })
    world.server.room(OTHER).read.set('ada', 3)
    world.server.push({ type: 'roomChanged', roomId: OTHER })
    await world.time.pass(1000)
    expect(facts(ada)?.lastReadSeq).toBe(3)
    world.close()
  })
})

describe('the list of rooms at a user’s first connect', () => {
  /** Two of ada's rooms and one that she may join; she is signed in, and nothing is asked yet. */
  async function signedIn() {
    const world = new World()
    world.server.addRoom(OTHER, ['ada', 'grace'])
    world.server.addRoom(LEFT, ['ada'])
    for (let i = 0; i < 3; i += 1) world.server.say(OTHER, 'grace')
    world.server.persist()
    const { client } = world.newClient()
    await signIn(world, client, 'ada')
    return { world, client, ids: () => [...client.rooms.get().keys()] }
  }

  async function signIn({ time }: World, client: RoomlogClient, username: string) {
    const login = client.login({ username, password: '' })
    await time.pass(1000)
    await login
  }

  const reads = ({ server }: World) => server.calls.filter((call) => call === 'GET /rooms').length

  test('is there before the socket is open; what changed until then is read after the welcome', async () => {
    const { world, client, ids } = await signedIn()
    client.connect()
    await world.time.pass(ANSWERED_MS)
    expect([client.connection.get().status, ids()]).toEqual(['connecting', [OTHER, LEFT]])
    expect(client.rooms.get().get(OTHER)).toMatchObject({ lastSeq: 3, unreadCount: 3 })
    world.server.say(OTHER, 'grace')
    world.server.persist()
    world.server.room(LEFT).members.delete('ada')
    await world.time.pass(1000)
    expect([client.connection.get().status, ids()]).toEqual(['online', [OTHER]])
    expect(client.rooms.get().get(OTHER)).toMatchObject({ lastSeq: 4, unreadCount: 4 })
    client.close()
  })

  test('is read ahead once, however often it connects', async () => {
    const { world, client } = await signedIn()
    client.connect()
    client.disconnect()
    client.connect()
    await world.time.pass(1000)
    expect(reads(world)).toBe(2)
    client.disconnect()
    client.connect()
    await world.time.pass(1000)
    expect(reads(world)).toBe(3)
    client.close()
  })

  test('is joined after the welcome, as what was not known', async () => {
    const { world, client } = await signedIn()
    client.connect()
    await world.time.pass(1000)
    world.server.say(LEFT, 'grace')
    world.server.persist()
    await world.time.pass(1000)
    expect(client.rooms.get().get(LEFT)).toMatchObject({ lastSeq: 1, unreadCount: 1 })
    client.close()
  })

  test('is read after the welcome where it cannot be read ahead, and nobody hears of that', async () => {
    const { world, client, ids } = await signedIn()
    const { weather } = world.server
    world.server.weather = { ...weather, restLoss: () => 'unavailable' }
    client.connect()
    await world.time.pass(ANSWERED_MS)
    world.server.weather = weather
    expect(ids()).toEqual([])
    await world.time.pass(5000)
    expect([reads(world), ids()]).toEqual([2, [OTHER, LEFT]])
    client.close()
  })

  test('takes nothing back that is known since it was asked for', async () => {
    const { world, client, ids } = await signedIn()
    const { weather } = world.server
    world.server.weather = { ...weather, delayMs: () => 1000 }
    client.connect()
    // What is answered is what is now; the answer comes a second later.
    await world.time.pass(1500)
    world.server.weather = weather
    world.server.room(ROOM).members.add('ada')
    const joining = client.joinRoom(ROOM)
    await world.time.pass(100)
    await joining
    const known: (readonly string[])[] = []
    client.rooms.subscribe(() => known.push(ids()))
    await world.time.pass(2000)
    expect(known.map((it) => it.includes(ROOM))).not.toContain(false)
    expect(ids().sort()).toEqual([LEFT, OTHER, ROOM].sort())
    client.close()
  })

  test('is not shown to who signs in meanwhile, who has their own read ahead', async () => {
    const { world, client, ids } = await signedIn()
    const { weather } = world.server
    world.server.weather = { ...weather, delayMs: () => 5000 }
    client.connect()
    await world.time.pass(1000)
    world.server.weather = weather
    const known: (readonly string[])[] = []
    client.rooms.subscribe(() => known.push(ids()))
    const logout = client.logout()
    await world.time.pass(1000)
    await logout
    await signIn(world, client, 'grace')
    client.connect()
    await world.time.pass(ANSWERED_MS)
    expect([client.connection.get().status, ids()]).toEqual(['connecting', [OTHER]])
    await world.time.pass(20_000)
    expect([client.connection.get().status, ids()]).toEqual(['online', [OTHER]])
    expect(known.flat()).not.toContain(LEFT)
    client.close()
  })

  test('is void where a backup was put back before the welcome', async () => {
    const { world, client } = await signedIn()
    client.connect()
    await world.time.pass(ANSWERED_MS)
    world.server.restore(OTHER, 1)
    await world.time.pass(1000)
    expect(client.rooms.get().get(OTHER)).toMatchObject({
      lastSeq: 1,
      unreadCount: 1,
      lastMessage: { seq: 1 },
    })
    client.close()
  })
})

test('how far somebody has read is shown at once, and told once a second, until it arrives', async () => {
  const { world, ada } = await online()
  const room = ada.client.room(OTHER)
  world.server.weather = { ...world.server.weather, restLoss: () => 'unavailable' }
  for (const message of world.server.room(OTHER).log) room.markRead(message)
  expect(facts(ada)).toMatchObject({ lastReadSeq: 3, unreadCount: 0 })
  await world.time.pass(2000)
  world.server.weather = { ...world.server.weather, restLoss: () => 'none' }
  await world.time.pass(10_000)
  expect(world.server.room(OTHER).read.get('ada')).toBe(3)
  expect(world.server.calls.filter((call) => call === `POST /rooms/${OTHER}/read`)).toHaveLength(2)
  world.close()
})

test('how far somebody had read is nothing to who signs in after them, however late its answer comes', async () => {
  const { world, ada } = await online()
  const { client } = ada
  world.server.room(OTHER).members.add('grace')
  client.room(OTHER).markRead(world.server.room(OTHER).log[2] ?? { id: '', seq: 0 })
  const { weather } = world.server
  world.server.weather = { ...weather, delayMs: () => 30_000 }
  await world.time.pass(1000)
  world.server.weather = weather
  const login = client.login({ username: 'grace', password: '' })
  await world.time.pass(1000)
  await login
  client.connect()
  await world.time.pass(60_000)
  expect(world.server.room(OTHER).read.get('ada')).toBe(3)
  expect(facts(ada)).toMatchObject({ lastReadSeq: 0, unreadCount: 3 })
  world.close()
})

describe('typing', () => {
  test('is told at the first key, then every 3 s, and ended by a message', async () => {
    const { world, ada } = await online()
    const told: boolean[] = []
    for (const socket of world.server.sockets) {
      const take = socket.onFrame
      socket.onFrame = (frame) => {
        if (frame.type === 'typing') told.push(frame.isTyping)
        take(frame)
      }
    }
    for (let i = 0; i < 70; i += 1) {
      ada.room.setTyping(true)
      await world.time.pass(100)
    }
    expect(told).toEqual([true, true, true])
    ada.room.send('done')
    ada.room.setTyping(false)
    await world.time.pass(100)
    expect(told).toEqual([true, true, true, false])
    world.close()
  })

  test('of others is shown, and forgotten after 6 s or with the connection', async () => {
    const { world, ada } = await online()
    const frame = (userId: string, isTyping: boolean): ServerFrame => {
      return { type: 'typing', roomId: ROOM, userId, isTyping }
    }
    world.server.push(frame('grace', true))
    world.server.push(frame('linus', true))
    await world.time.pass(100)
    expect(ada.room.typing.get()).toEqual(['grace', 'linus'])
    world.server.push(frame('linus', false))
    await world.time.pass(100)
    expect(ada.room.typing.get()).toEqual(['grace'])
    await world.time.pass(6000)
    expect(ada.room.typing.get()).toEqual([])
    world.server.push(frame('grace', true))
    await world.time.pass(100)
    for (const socket of [...world.server.sockets]) socket.lose()
    expect(ada.room.typing.get()).toEqual([])
    world.close()
  })
})

test('who comes and goes is told', async () => {
  const { world, ada } = await online()
  const heard: string[] = []
  ada.client.on('presence', ({ userId, online }) => heard.push(`${userId} ${online}`))
  const end = ada.client.on('readCursor', ({ lastReadSeq }) => heard.push(`read ${lastReadSeq}`))
  world.server.push({ type: 'presence', userId: 'grace', online: true })
  world.server.push({ type: 'readCursor', roomId: ROOM, userId: 'grace', lastReadSeq: 1 })
  await world.time.pass(100)
  end()
  world.server.push({ type: 'readCursor', roomId: ROOM, userId: 'grace', lastReadSeq: 2 })
  await world.time.pass(100)
  expect(heard).toEqual(['grace true', 'read 1'])
  world.close()
})
