import { connectLive, type Live, type Signal } from '@roomlog/live'
import { newId, type Room } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, expect, test } from 'vitest'
import {
  ask,
  expectRefusal,
  lockWaiters,
  newPerson,
  newRoom,
  type Person,
  say,
  silent,
  type TestDatabase,
  tokenOf,
  withApi,
} from './support.ts'

const RACERS = 20

suiteOn(['postgres'], 'joining a room', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let live: Live
  let ada: Person
  let bob: Person

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
    live = connectLive({ engine: 'embedded', namespace: '', database: database.admin }, silent)
  })
  afterAll(() => live.close())

  const join = (roomId: string, as: Person) => ask(app, `POST /rooms/${roomId}/join`, { as })
  const roomOf = async (roomId: string, as: Person): Promise<Room> =>
    (await ask(app, `GET /rooms/${roomId}`, { as })).body.room

  test('makes a member, who has read what was there', async () => {
    const room = await newRoom(app, ada)
    await say(database, room, ada.id, ['one', 'two', 'three'])
    const answer = await join(room, bob)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        role: 'member',
        room: { id: room, role: 'member', memberCount: 2, lastReadSeq: 3, unreadCount: 0 },
      },
    })
    await say(database, room, ada.id, ['four'])
    expect(await roomOf(room, bob)).toMatchObject({ lastSeq: 4, lastReadSeq: 3, unreadCount: 1 })
    expect(await roomOf(room, ada)).toMatchObject({ lastReadSeq: 0, unreadCount: 4, memberCount: 2 })
  })

  test('again is the same and changes nothing', async () => {
    const room = await newRoom(app, ada)
    await join(room, bob)
    await say(database, room, ada.id, ['unread'])
    const again = await join(room, bob)
    expect(again).toMatchObject({
      status: 200,
      body: { role: 'member', room: { memberCount: 2, lastReadSeq: 0, unreadCount: 1 } },
    })
    expect(again.body.room).toEqual(await roomOf(room, bob))
    expect(await join(room, ada)).toMatchObject({
      status: 200,
      body: { role: 'owner', room: { memberCount: 2 } },
    })
  })

  test('again is the same in a room that is private', async () => {
    const room = await newRoom(app, ada, { visibility: 'private' })
    expect(await join(room, ada)).toMatchObject({ status: 200, body: { role: 'owner' } })
  })

  test('counts everybody once who races', async () => {
    const room = await newRoom(app, ada)
    const people = await Promise.all(Array.from({ length: RACERS }, () => newPerson(app, database)))
    const answers = await Promise.all([...people, ...people].map((person) => join(room, person)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect((await roomOf(room, ada)).memberCount).toBe(RACERS + 1)
  })

  test('has as read exactly what was stored before', async () => {
    const room = await newRoom(app, ada)
    // A message that is being stored: who joins now waits for it.
    const joining = await database.admin.db.transaction().execute(async (trx) => {
      const head = { last_seq: 1, last_message_id: newId() }
      await trx.updateTable('chat.rooms').set(head).where('id', '=', room).execute()
      const answer = join(room, bob)
      await expect.poll(() => lockWaiters(database)).toBe(1)
      return { answer }
    })
    expect((await joining.answer).body.room).toMatchObject({ lastSeq: 1, lastReadSeq: 1, unreadCount: 0 })
  })

  test('tells the user’s other devices, the first time', async () => {
    const [first, second] = [await newRoom(app, ada), await newRoom(app, ada)]
    const heard: Signal[] = []
    live.signals.listen((signal) => heard.push(signal))
    await live.signals.watch({ kind: 'user', userId: bob.id })
    const signalOf = (roomId: string) => ({ type: 'memberAdded', roomId, userId: bob.id })
    await expect
      .poll(async () => {
        // Until listening has begun signals are lost.
        await live.signals.publish({ type: 'memberAdded', roomId: 'probe', userId: bob.id })
        return heard
      })
      .toContainEqual(signalOf('probe'))
    for (const room of [first, first, second]) expect((await join(room, bob)).status).toBe(200)
    await expect.poll(() => heard).toContainEqual(signalOf(second))
    expect(heard.filter((s) => s.type === 'memberAdded' && s.roomId === first)).toEqual([signalOf(first)])
  })

  test('is refused where there is no such room for the user', async () => {
    const closed = await newRoom(app, ada, { visibility: 'private' })
    const [hidden, absent] = [await join(closed, bob), await join(newId(), bob)]
    for (const answer of [hidden, absent]) expectRefusal(answer, 404, 'room_not_found')
    expect(hidden.body.error.message).toBe(absent.body.error.message)
    expect((await roomOf(closed, ada)).memberCount).toBe(1)
    expectRefusal(await join('room', bob), 400, 'validation_failed')
  })

  test('is refused to whom an owner removed', async () => {
    const room = await newRoom(app, ada)
    await database.admin.db.insertInto('chat.room_bans').values({ room_id: room, user_id: bob.id }).execute()
    expectRefusal(await join(room, bob), 403, 'forbidden')
    expect((await roomOf(room, ada)).memberCount).toBe(1)
  })

  test('is refused to who is unknown since a restore, or deleted', async () => {
    const room = await newRoom(app, ada)
    const gone = await newPerson(app, database)
    const deleted = { deleted_at: new Date() }
    await database.admin.db.updateTable('chat.users').set(deleted).where('id', '=', gone.id).execute()
    const unknown = { ...bob, token: tokenOf(app, newId()) }
    for (const person of [unknown, gone]) expectRefusal(await join(room, person), 401, 'unauthenticated')
    expect((await roomOf(room, ada)).memberCount).toBe(1)
  })
})
