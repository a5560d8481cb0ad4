import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { beforeEach, expect, test } from 'vitest'
import { ask, expectRefusal, newPerson, newRoom, type Person, type TestDatabase, withApi } from './support.ts'

suiteOn(['postgres'], 'a member’s role', () => {
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
    await ask(app, `POST /rooms/${room}/join`, { as: bob })
  })

  const change = (userId: string, body: object, as = ada, roomId = room) =>
    ask(app, `PATCH /rooms/${roomId}/members/${userId}`, { as, body })
  const roleOf = async (as: Person) => (await ask(app, `GET /rooms/${room}`, { as })).body.room.role

  test('is changed by an owner, there and back', async () => {
    const promoted = await change(bob.id, { role: 'owner' })
    expect(promoted).toMatchObject({ status: 200, body: { member: { user: { id: bob.id }, role: 'owner' } } })
    expect(Object.keys(promoted.body.member).toSorted()).toEqual([
      'joinedAt',
      'lastReadSeq',
      'online',
      'role',
      'user',
    ])
    expect(await roleOf(bob)).toBe('owner')
    // Owners are equal: the new one may take the old one's place.
    expect((await change(ada.id, { role: 'member' }, bob)).body.member.role).toBe('member')
    expectRefusal(await change(bob.id, { role: 'member' }), 403, 'forbidden')
    expect(await roleOf(bob)).toBe('owner')
  })

  test('can be what it is', async () => {
    expect((await change(ada.id, { role: 'owner' })).body.member.role).toBe('owner')
    expect((await change(bob.id, { role: 'member' })).body.member.role).toBe('member')
  })

  test('of the last owner stays, also where nobody else is there', async () => {
    expectRefusal(await change(ada.id, { role: 'member' }), 409, 'last_owner')
    await ask(app, `DELETE /rooms/${room}/members/me`, { as: bob })
    expectRefusal(await change(ada.id, { role: 'member' }), 409, 'last_owner')
    expect(await roleOf(ada)).toBe('owner')
  })

  test('of one owner at least stays when they demote each other at once', async () => {
    await change(bob.id, { role: 'owner' })
    const answers = await Promise.all([
      change(bob.id, { role: 'member' }, ada),
      change(ada.id, { role: 'member' }, bob),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403])
  })

  test('of one owner at least stays when all step back at once', async () => {
    await change(bob.id, { role: 'owner' })
    const answers = await Promise.all([
      change(ada.id, { role: 'member' }, ada),
      change(bob.id, { role: 'member' }, bob),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  })

  test('is for owners to change', async () => {
    const cleo = await newPerson(app, database)
    expectRefusal(await change(bob.id, { role: 'owner' }, bob), 403, 'forbidden')
    expectRefusal(await change(cleo.id, { role: 'owner' }, cleo), 403, 'not_a_member')
    expectRefusal(await change(bob.id, { role: 'owner' }, ada, newId()), 404, 'room_not_found')
    const call = `PATCH /rooms/${room}/members/${bob.id}`
    expectRefusal(await ask(app, call, { body: { role: 'owner' } }), 401, 'unauthenticated')
    expect(await roleOf(bob)).toBe('member')
  })

  test('is a member’s', async () => {
    const cleo = await newPerson(app, database)
    for (const userId of [cleo.id, newId()]) {
      expectRefusal(await change(userId, { role: 'owner' }), 404, 'user_not_found')
    }
  })

  test.each([
    ['nothing', {}],
    ['another role', { role: 'admin' }],
    ['a list', { role: ['owner'] }],
    ['more', { role: 'owner', userId: 'x' }],
  ])('is not %s', async (_, body) => {
    expectRefusal(await change(bob.id, body), 400, 'validation_failed')
  })

  test.each([['me'], ['7'], ["' OR 1=1"], ['%00']])('is not that of %j', async (userId) => {
    const path = userId.startsWith('%') ? userId : encodeURIComponent(userId)
    expectRefusal(await change(path, { role: 'owner' }), 400, 'validation_failed')
  })
})
