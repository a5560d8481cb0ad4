import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, test } from 'vitest'
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

suiteOn(['postgres'], 'the end of a membership', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let room: string

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
  })
  beforeEach(async () => {
    room = await newRoom(app, ada)
    await join(bob)
  })

  const join = (as: Person) => ask(app, `POST /rooms/${room}/join`, { as })
  const remove = (userId: string, as: Person, roomId = room) =>
    ask(app, `DELETE /rooms/${roomId}/members/${userId}`, { as })
  const promote = (person: Person) =>
    ask(app, `PATCH /rooms/${room}/members/${person.id}`, { as: ada, body: { role: 'owner' } })
  const stored = () =>
    database.admin.db
      .selectFrom('chat.rooms')
      .select(['member_version as version', 'member_count as count'])
      .where('id', '=', room)
      .executeTakeFirstOrThrow()

  describe('by leaving', () => {
    test('is one step of the room’s version', async () => {
      expect(await stored()).toEqual({ version: 1, count: 2 })
      const answer = await remove('me', bob)
      expect(answer).toMatchObject({ status: 204, body: '' })
      expect(await stored()).toEqual({ version: 2, count: 1 })
      for (const path of ['', '/members', '/messages']) {
        expectRefusal(await ask(app, `GET /rooms/${room}${path}`, { as: bob }), 403, 'not_a_member')
      }
      expectRefusal(await remove('me', bob), 403, 'not_a_member')
      expect(await stored()).toEqual({ version: 2, count: 1 })
    })

    test('is the same under one’s own id, and no ban', async () => {
      expect((await remove(bob.id, bob)).status).toBe(204)
      expect((await join(bob)).status).toBe(200)
      await say(database, room, ada.id, ['one'])
      expect((await remove('me', bob)).status).toBe(204)
      // Who comes again has read what was there, like anybody who comes.
      expect((await join(bob)).body.room).toMatchObject({ lastReadSeq: 1, unreadCount: 0, memberCount: 2 })
    })

    test('is not for the last owner while others remain', async () => {
      expectRefusal(await remove('me', ada), 409, 'last_owner')
      expectRefusal(await remove(ada.id, ada), 409, 'last_owner')
      expect(await stored()).toEqual({ version: 1, count: 2 })
      await promote(bob)
      expect((await remove('me', ada)).status).toBe(204)
      expectRefusal(await remove('me', bob).then(() => remove('me', bob)), 403, 'not_a_member')
      expect(await stored()).toEqual({ version: 3, count: 0 })
    })

    test('is for an owner who is alone; who then comes first owns the room', async () => {
      await remove('me', bob)
      expect((await remove('me', ada)).status).toBe(204)
      expect(await stored()).toEqual({ version: 3, count: 0 })
      expect(await join(bob)).toMatchObject({
        status: 200,
        body: { role: 'owner', room: { memberCount: 1 } },
      })
      expect(await join(ada)).toMatchObject({ status: 200, body: { role: 'member' } })
    })

    test('of a private room is for good', async () => {
      await ask(app, `PATCH /rooms/${room}`, { as: ada, body: { visibility: 'private' } })
      await remove('me', bob)
      expectRefusal(await join(bob), 404, 'room_not_found')
      expectRefusal(await remove('me', bob), 404, 'room_not_found')
    })
  })

  describe('by an owner', () => {
    test('keeps the other out until an owner adds them', async () => {
      expect((await remove(bob.id, ada)).status).toBe(204)
      expect(await stored()).toEqual({ version: 2, count: 1 })
      expectRefusal(await join(bob), 403, 'forbidden')
      expectRefusal(await remove(bob.id, ada), 404, 'user_not_found')
      expect(await stored()).toEqual({ version: 2, count: 1 })
    })

    test('can be that of another owner', async () => {
      await promote(bob)
      expect((await remove(ada.id, bob)).status).toBe(204)
      expectRefusal(await join(ada), 403, 'forbidden')
      expect(await stored()).toEqual({ version: 2, count: 1 })
    })

    test('is an owner’s alone to say', async () => {
      const cleo = await newPerson(app, database)
      await join(cleo)
      for (const userId of [cleo.id, ada.id, newId()]) {
        expectRefusal(await remove(userId, bob), 403, 'forbidden')
      }
      const dan = await newPerson(app, database)
      for (const userId of [cleo.id, dan.id, 'me']) {
        expectRefusal(await remove(userId, dan), 403, 'not_a_member')
      }
      expectRefusal(await ask(app, `DELETE /rooms/${room}/members/${bob.id}`), 401, 'unauthenticated')
      expect(await stored()).toEqual({ version: 1, count: 3 })
    })

    test('is a member’s', async () => {
      const dan = await newPerson(app, database)
      for (const userId of [dan.id, newId()]) expectRefusal(await remove(userId, ada), 404, 'user_not_found')
      expectRefusal(await remove(bob.id, ada, newId()), 404, 'room_not_found')
      expect(await stored()).toEqual({ version: 1, count: 2 })
      // Nothing was banned either.
      expect((await join(dan)).status).toBe(200)
    })

    test('is not said by who has ceased to be one meanwhile', async () => {
      const { asked } = await database.admin.db.transaction().execute(async (trx) => {
        await trx.selectFrom('chat.rooms').select('id').where('id', '=', room).forNoKeyUpdate().execute()
        const answer = remove(bob.id, ada)
        await expect.poll(() => lockWaiters(database)).toBe(1)
        const member = { role: 'member' } as const
        await trx.updateTable('chat.room_members').set(member).where('room_id', '=', room).execute()
        return { asked: answer }
      })
      expectRefusal(await asked, 403, 'forbidden')
      expect(await stored()).toEqual({ version: 1, count: 2 })
    })
  })

  test('has its place in the log: it waits for what is being stored, and what is stored next waits for it', async () => {
    const { asked } = await database.admin.db.transaction().execute(async (trx) => {
      await trx.updateTable('chat.rooms').set({ last_seq: 1 }).where('id', '=', room).execute()
      const answer = remove(bob.id, ada)
      await expect.poll(() => lockWaiters(database)).toBe(1)
      return { asked: answer }
    })
    expect((await asked).status).toBe(204)
    expect(await stored()).toEqual({ version: 2, count: 1 })
  })

  test.each([['Me'], ['7'], ['me,me'], ["' OR 1=1"]])('is not that of %j', async (userId) => {
    expectRefusal(await remove(encodeURIComponent(userId), ada), 400, 'validation_failed')
  })
})
