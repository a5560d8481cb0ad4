import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import {
  ask,
  expectRefusal,
  lockWaiters,
  newPerson,
  newRoom,
  type Person,
  say,
  type TestDatabase,
  withApi,
} from './support.ts'

suiteOn(['postgres'], 'adding a member', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
  })

  const add = (roomId: string, username: unknown, as = ada) =>
    ask(app, `POST /rooms/${roomId}/members`, { as, body: { username } })
  const shown = async (roomId: string, as: Person) =>
    (await ask(app, `GET /rooms/${roomId}`, { as })).body.room

  test('makes a member, who has read what was there', async () => {
    const room = await newRoom(app, ada, { visibility: 'private' })
    const [, last] = await say(database, room, ada.id, ['one', 'two'])
    const answer = await add(room, bob.username)
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({
      member: {
        user: {
          id: bob.id,
          username: bob.username,
          displayName: bob.username,
          createdAt: expect.any(String),
        },
        role: 'member',
        online: false,
        joinedAt: expect.any(String),
        lastReadSeq: 2,
      },
    })
    expect(await shown(room, bob)).toMatchObject({ memberCount: 2, lastReadSeq: 2, unreadCount: 0 })
    const body = { lastReadMessageId: last }
    const read = await ask(app, `POST /rooms/${room}/read`, { as: bob, body })
    expect(read.body).toEqual({ lastReadMessageId: last, lastReadSeq: 2, unreadCount: 0 })
  })

  test('again changes nothing', async () => {
    const room = await newRoom(app, ada)
    const first = await add(room, bob.username)
    await say(database, room, ada.id, ['unread'])
    const again = await add(room, bob.username)
    expect(again).toMatchObject({ status: 200, body: first.body })
    expect(await shown(room, bob)).toMatchObject({ memberCount: 2, unreadCount: 1 })
    expect(await add(room, ada.username)).toMatchObject({ status: 200, body: { member: { role: 'owner' } } })
  })

  test('finds the name in any case', async () => {
    const room = await newRoom(app, ada)
    expect((await add(room, bob.username.toUpperCase())).status).toBe(201)
  })

  test('lets one back whom an owner removed', async () => {
    const room = await newRoom(app, ada)
    await add(room, bob.username)
    await ask(app, `DELETE /rooms/${room}/members/${bob.id}`, { as: ada })
    const join = () => ask(app, `POST /rooms/${room}/join`, { as: bob })
    expectRefusal(await join(), 403, 'forbidden')
    expect((await add(room, bob.username)).status).toBe(201)
    expect((await join()).status).toBe(200)
    // For good: who leaves then may come again.
    await ask(app, `DELETE /rooms/${room}/members/me`, { as: bob })
    expect((await join()).status).toBe(200)
  })

  test('is for owners', async () => {
    const room = await newRoom(app, ada)
    const cleo = await newPerson(app, database)
    await add(room, bob.username)
    // Whether there is such a user is not told either.
    for (const name of [cleo.username, 'nobody_at_all']) {
      expectRefusal(await add(room, name, bob), 403, 'forbidden')
      expectRefusal(await add(room, name, cleo), 403, 'not_a_member')
      expectRefusal(await add(newId(), name), 404, 'room_not_found')
    }
    expectRefusal(await ask(app, `POST /rooms/${room}/members`, { body: {} }), 401, 'unauthenticated')
    expect((await shown(room, ada)).memberCount).toBe(2)
  })

  test('is for who is an owner still when it is done', async () => {
    const room = await newRoom(app, ada)
    const { asked } = await database.admin.db.transaction().execute(async (trx) => {
      await trx.selectFrom('chat.rooms').select('id').where('id', '=', room).forNoKeyUpdate().execute()
      const answer = add(room, bob.username)
      await expect.poll(() => lockWaiters(database)).toBe(1)
      await trx.deleteFrom('chat.room_members').where('room_id', '=', room).execute()
      return { asked: answer }
    })
    expectRefusal(await asked, 403, 'not_a_member')
  })

  test('is refused for users that are unknown or deleted', async () => {
    const room = await newRoom(app, ada)
    const gone = await newPerson(app, database)
    const deleted = { deleted_at: new Date() }
    await database.admin.db.updateTable('chat.users').set(deleted).where('id', '=', gone.id).execute()
    const [unknown, former] = [await add(room, 'nobody_at_all'), await add(room, gone.username)]
    for (const answer of [unknown, former]) expectRefusal(answer, 404, 'user_not_found')
    expect(former.body.error.message).toBe(unknown.body.error.message)
    expect((await shown(room, ada)).memberCount).toBe(1)
  })

  test.each([
    ['no name', undefined],
    ['a short name', 'ab'],
    ['a name that is none', 'a b c'],
    ['a number', 7],
    ['a list', ['ada']],
    ['NUL', 'ab\0c'],
  ])('is refused for %s', async (_, username) => {
    const room = await newRoom(app, ada)
    expectRefusal(await add(room, username), 400, 'validation_failed')
  })

  test('is refused with more than a name', async () => {
    const room = await newRoom(app, ada)
    for (const extra of [{ role: 'owner' }, { userId: bob.id }]) {
      const body = { username: bob.username, ...extra }
      const answer = await ask(app, `POST /rooms/${room}/members`, { as: ada, body })
      expectRefusal(answer, 400, 'validation_failed')
    }
    expectRefusal(await add('room', bob.username), 400, 'validation_failed')
  })
})
