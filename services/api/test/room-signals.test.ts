import type { Signal } from '@roomlog/live'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hear, type LiveStore, liveStore, roomChannel, suiteOnEngines, userChannel } from './hearing.ts'
import {
  ask,
  configFor,
  newPerson,
  newRoom,
  type Person,
  say,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

suiteOnEngines('what changes in a room is told of', (engine) => {
  const resources = new AsyncDisposableStack()
  let database: TestDatabase
  let app: FastifyInstance
  let store: LiveStore
  let ada: Person
  let bob: Person
  let room: string

  beforeAll(async () => {
    database = resources.use(await testDatabase())
    store = resources.use(await liveStore(engine, database))
    app = await startApi(configFor(database.url), { live: await store.open() })
    resources.defer(() => app.close())
    ada = await newPerson(app, database)
    bob = await newPerson(app, database)
    room = await newRoom(app, ada)
  })
  afterAll(() => resources.disposeAsync())

  const members = () => `/rooms/${room}/members`

  test('to the room when it is renamed', async () => {
    const heard = await hear(await store.open(), roomChannel(room))
    await ask(app, `PATCH /rooms/${room}`, { as: ada, body: { name: 'renamed' } })
    await expect.poll(() => heard).toEqual([{ type: 'roomChanged', roomId: room }])
  })

  test('to whom an owner adds, once', async () => {
    const heard = await hear(await store.open(), userChannel(bob.id))
    const other = await newRoom(app, ada)
    const add = (to: string) =>
      ask(app, `POST /rooms/${to}/members`, { as: ada, body: { username: bob.username } })
    expect((await add(room)).status).toBe(201)
    expect((await add(room)).status).toBe(200)
    expect((await add(other)).status).toBe(201)
    const added = (roomId: string): Signal => ({ type: 'memberAdded', roomId, userId: bob.id })
    await expect.poll(() => heard).toContainEqual(added(other))
    expect(heard).toEqual([added(room), added(other)])
  })

  test('to the room when a member becomes an owner', async () => {
    const heard = await hear(await store.open(), roomChannel(room))
    const call = `PATCH ${members()}/${bob.id}`
    expect((await ask(app, call, { as: ada, body: { role: 'owner' } })).status).toBe(200)
    await expect.poll(() => heard).toEqual([{ type: 'roomChanged', roomId: room }])
    expect((await ask(app, call, { as: ada, body: { role: 'member' } })).status).toBe(200)
  })

  test('to the room and the reader’s own sockets when a read position moves, and only then', async () => {
    const [first, second, third] = await say(database, room, ada.id, ['one', 'two', 'three'])
    const heard = await hear(await store.open(), userChannel(bob.id))
    for (const lastReadMessageId of [second, first, second, third]) {
      const answer = await ask(app, `POST /rooms/${room}/read`, { as: bob, body: { lastReadMessageId } })
      expect(answer.status).toBe(200)
    }
    const read = (lastReadSeq: number): Signal => ({
      type: 'readCursor',
      roomId: room,
      userId: bob.id,
      lastReadSeq,
    })
    await expect.poll(() => heard).toContainEqual(read(3))
    expect(heard).toEqual([read(2), read(3)])
  })

  test('to the room and the user when a membership ends, with the version it ends at', async () => {
    const heard = await hear(await store.open(), userChannel(bob.id))
    const version = async () =>
      database.admin.db
        .selectFrom('chat.rooms')
        .select('member_version')
        .where('id', '=', room)
        .executeTakeFirst()
    expect((await ask(app, `DELETE ${members()}/${bob.id}`, { as: ada })).status).toBe(204)
    const { member_version: memberVersion } = (await version()) ?? {}
    await expect
      .poll(() => heard)
      .toEqual([{ type: 'memberRemoved', roomId: room, userId: bob.id, memberVersion }])
  })

  test('and what is refused is told to nobody', async () => {
    const heard = await hear(await store.open(), roomChannel(room), userChannel(ada.id), userChannel(bob.id))
    const calls = [
      ask(app, `PATCH /rooms/${room}`, { as: bob, body: { name: 'mine' } }),
      ask(app, `POST ${members()}`, { as: bob, body: { username: bob.username } }),
      ask(app, `PATCH ${members()}/${ada.id}`, { as: bob, body: { role: 'member' } }),
      ask(app, `DELETE ${members()}/${ada.id}`, { as: bob }),
      ask(app, `DELETE ${members()}/me`, { as: bob }),
      ask(app, `POST /rooms/${room}/read`, { as: bob, body: { lastReadMessageId: room } }),
    ]
    for (const { status } of await Promise.all(calls)) expect(status).toBe(403)
    await ask(app, `PATCH /rooms/${room}`, { as: ada, body: { name: 'hers' } })
    await expect.poll(() => heard).toEqual([{ type: 'roomChanged', roomId: room }])
  })
})
