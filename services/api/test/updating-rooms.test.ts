import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
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

suiteOn(['postgres'], 'changing a room', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let room: string

  withApi(async (api) => {
    ;({ database, app, ada, bob } = api)
    room = await newRoom(app, ada, { name: 'before' })
    await ask(app, `POST /rooms/${room}/join`, { as: bob })
    await say(database, room, bob.id, [BODY])
  })

  const change = (body: object | undefined, as = ada, roomId = room) =>
    ask(app, `PATCH /rooms/${roomId}`, { as, ...(body === undefined ? {} : { body }) })
  const shown = async (as = ada) => (await ask(app, `GET /rooms/${room}`, { as })).body.room

  test('changes what is named and nothing else, for all', async () => {
    const before = await shown()
    const renamed = await change({ name: '  After 🫶🏽 ' })
    expect(renamed).toMatchObject({ status: 200 })
    expect(renamed.body).toEqual({ room: { ...before, name: 'After 🫶🏽' } })
    expect((await change({ visibility: 'private' })).body.room).toEqual({
      ...before,
      name: 'After 🫶🏽',
      visibility: 'private',
    })
    expect(await shown(bob)).toMatchObject({ name: 'After 🫶🏽', visibility: 'private', role: 'member' })
    expect((await change({ name: 'before', visibility: 'public' })).body.room).toEqual(before)
    expect(await change({ name: 'before' })).toMatchObject({ status: 200, body: { room: before } })
  })

  test('to private closes it to those outside, and back again opens it', async () => {
    const cleo = await newPerson(app, database)
    const join = () => ask(app, `POST /rooms/${room}/join`, { as: cleo })
    await change({ visibility: 'private' })
    expectRefusal(await join(), 404, 'room_not_found')
    await change({ visibility: 'public' })
    expect((await join()).status).toBe(200)
  })

  test('is for owners', async () => {
    const before = await shown()
    const cleo = await newPerson(app, database)
    expectRefusal(await change({ name: 'mine' }, bob), 403, 'forbidden')
    expectRefusal(await change({ name: 'mine' }, cleo), 403, 'not_a_member')
    expectRefusal(await change({ name: 'mine' }, ada, newId()), 404, 'room_not_found')
    expectRefusal(await ask(app, `PATCH /rooms/${room}`, { body: { name: 'x' } }), 401, 'unauthenticated')
    expect(await shown()).toEqual(before)
  })

  test('is for who is an owner still when the change is made', async () => {
    const other = await newRoom(app, ada, { name: 'kept' })
    const answer = await database.admin.db.transaction().execute(async (trx) => {
      const mine = { room_id: other, user_id: ada.id }
      await trx.selectFrom('chat.rooms').select('id').where('id', '=', other).forNoKeyUpdate().execute()
      const asked = change({ name: 'too late' }, ada, other)
      await expect.poll(() => lockWaiters(database)).toBe(1)
      await trx
        .updateTable('chat.room_members')
        .set({ role: 'member' })
        .where('room_id', '=', mine.room_id)
        .where('user_id', '=', mine.user_id)
        .execute()
      return { asked }
    })
    expectRefusal(await answer.asked, 403, 'forbidden')
    expect((await ask(app, `GET /rooms/${other}`, { as: ada })).body.room.name).toBe('kept')
  })

  test.each([
    ['nothing', undefined],
    ['nothing that changes', {}],
    ['an empty name', { name: ' ' }],
    ['a long name', { name: 'x'.repeat(101) }],
    ['a name that is none', { name: null }],
    ['a name with NUL', { name: 'a\0b' }],
    ['a name with a lone surrogate', { name: 'a\ud800' }],
    ['another visibility', { visibility: 'secret' }],
    ['what is not its owner’s to say', { name: 'x', lastSeq: 7 }],
    ['a list', []],
  ])('is refused for %s', async (_, body) => {
    expectRefusal(await change(body), 400, 'validation_failed')
  })

  test('is refused for a malformed id, and for what is no JSON', async () => {
    expectRefusal(await change({ name: 'x' }, ada, 'room'), 400, 'validation_failed')
    const headers = { 'content-type': 'application/json' }
    for (const body of ['{', '{"__proto__":{"name":"x"},"name":"y"}', '{"constructor":{"prototype":{}}}']) {
      const answer = await ask(app, `PATCH /rooms/${room}`, { as: ada, body, headers })
      expect(answer.status).toBe(400)
    }
  })
})
