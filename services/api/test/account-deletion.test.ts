import { connectLive, type Live } from '@roomlog/live'
import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { ago, hearEnds, refresh } from './sessions.ts'
import {
  type Answer,
  ask,
  expectRefusal,
  lockWaiters,
  newPerson,
  newRoom,
  PASSWORD,
  type Person,
  register,
  say,
  silent,
  type TestDatabase,
  withApi,
} from './support.ts'

const ROUNDS = 5

interface Registered extends Person {
  readonly refreshToken: string
}

suiteOn(['postgres'], 'deleting one’s account', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let live: Live
  let ada: Registered
  let bob: Person

  withApi((api) => {
    ;({ database, app } = api)
    live = connectLive({ engine: 'embedded', namespace: '', database: database.admin }, silent)
  })
  afterAll(() => live.close())
  beforeEach(async () => {
    ada = await newcomer()
    bob = await newPerson(app, database)
  })

  const newcomer = async (): Promise<Registered> => {
    const { user, accessToken, refreshToken } = await register(app)
    return { id: user.id, username: user.username, token: accessToken, refreshToken }
  }
  const remove = (as: Person, body: object = { password: PASSWORD }) =>
    ask(app, 'DELETE /users/me', { as, body })
  const join = (roomId: string, as: Person) => ask(app, `POST /rooms/${roomId}/join`, { as })
  const me = (as: Person) => ask(app, 'GET /users/me', { as })
  const login = (as: Person) =>
    ask(app, 'POST /auth/login', { body: { username: as.username, password: PASSWORD } })
  const roomRow = (roomId: string) =>
    database.admin.db
      .selectFrom('chat.rooms')
      .select(['member_version', 'member_count'])
      .where('id', '=', roomId)
      .executeTakeFirstOrThrow()
  const membersOf = async (roomId: string) => {
    const rows = await database.admin.db
      .selectFrom('chat.room_members')
      .select(['user_id', 'role'])
      .where('room_id', '=', roomId)
      .execute()
    return new Map(rows.map(({ user_id, role }) => [user_id, role]))
  }
  const makeOwner = (roomId: string, { id }: Person) =>
    database.admin.db
      .updateTable('chat.room_members')
      .set({ role: 'owner' })
      .where('room_id', '=', roomId)
      .where('user_id', '=', id)
      .execute()

  function expectDone({ status, body }: Answer): void {
    expect({ status, body }).toEqual({ status: 204, body: '' })
  }

  /** What is counted is what is there, and nobody who is deleted is. */
  async function expectSound(): Promise<void> {
    const { rows } = await sql`
      SELECT r.id FROM chat.rooms r WHERE r.member_count <>
        (SELECT count(*) FROM chat.room_members m WHERE m.room_id = r.id)
      UNION ALL SELECT m.room_id FROM chat.room_members m
        JOIN chat.users u ON u.id = m.user_id WHERE u.deleted_at IS NOT NULL`.execute(database.admin.db)
    expect(rows).toEqual([])
  }

  test('ends the account and every session, and has all its sockets closed', async () => {
    const ends = await hearEnds(live, ada.id)
    const other = (await login(ada)).body
    expectDone(await remove(ada))
    expectRefusal(await me(ada), 401, 'unauthenticated')
    expectRefusal(await login(ada), 401, 'invalid_credentials')
    for (const token of [ada.refreshToken, other.refreshToken]) {
      expectRefusal(await refresh(app, token), 401, 'unauthenticated')
    }
    await expect.poll(ends).toEqual([{ sessionId: null, deleted: true }])
  })

  test('keeps its username from being given again, in any case', async () => {
    expectDone(await remove(ada))
    for (const username of [ada.username, ada.username.toUpperCase()]) {
      const answer = await ask(app, 'POST /auth/register', { body: { username, password: PASSWORD } })
      expectRefusal(answer, 409, 'username_taken')
    }
  })

  test('leaves every room, as a removal that edges can see', async () => {
    const [first, second, elsewhere] = [
      await newRoom(app, bob),
      await newRoom(app, bob, { visibility: 'public' }),
      await newRoom(app, bob),
    ]
    for (const room of [first, second]) await join(room, ada)
    const versions = await Promise.all([first, second, elsewhere].map(roomRow))
    expectDone(await remove(ada))
    for (const [i, room] of [first, second].entries()) {
      expect(await roomRow(room)).toEqual({
        member_version: (versions[i]?.member_version ?? 0) + 1,
        member_count: 1,
      })
      expect([...(await membersOf(room)).keys()]).toEqual([bob.id])
    }
    expect(await roomRow(elsewhere)).toEqual(versions[2])
    await expectSound()
  })

  test('leaves its messages, under no name of it', async () => {
    const room = await newRoom(app, bob)
    await join(room, ada)
    await say(database, room, ada.id, [BODY])
    await ask(app, 'PATCH /users/me', { as: ada, body: { displayName: 'Ada Lovelace' } })
    expectDone(await remove(ada))
    const { body } = await ask(app, `GET /rooms/${room}/messages`, { as: bob })
    expect(body.messages).toMatchObject([{ body: BODY, senderId: ada.id }])
    expect(body.users[ada.id]).toMatchObject({ id: ada.id, username: '', displayName: 'Deleted user' })
    expect(JSON.stringify(body)).not.toContain(ada.username)
    const row = await database.admin.db
      .selectFrom('chat.users')
      .selectAll()
      .where('id', '=', ada.id)
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({ display_name: 'Deleted user', password_hash: null })
  })

  test('lets the token in nowhere, though it has not ended', async () => {
    const [shut, open] = [await newRoom(app, bob, { visibility: 'private' }), await newRoom(app, bob)]
    await join(open, ada)
    expectDone(await remove(ada))
    expectRefusal(await join(open, ada), 401, 'unauthenticated')
    expectRefusal(await ask(app, `GET /rooms/${open}/messages`, { as: ada }), 403, 'not_a_member')
    expectRefusal(await ask(app, `GET /rooms/${shut}`, { as: ada }), 404, 'room_not_found')
    const made = await ask(app, 'POST /rooms', { as: ada, body: { name: 'room' } })
    expectRefusal(made, 401, 'unauthenticated')
    expectRefusal(await remove(ada), 401, 'unauthenticated')
    expect((await ask(app, 'GET /rooms', { as: ada })).body.rooms).toEqual([])
  })

  describe('of an owner', () => {
    test('is refused while other members remain without one, and changes nothing', async () => {
      const [needy, plain, alone] = [
        await newRoom(app, ada),
        await newRoom(app, bob),
        await newRoom(app, ada),
      ]
      await join(needy, bob)
      await join(plain, ada)
      const before = await Promise.all([needy, plain, alone].map(roomRow))
      expectRefusal(await remove(ada), 409, 'last_owner')
      expect(await Promise.all([needy, plain, alone].map(roomRow))).toEqual(before)
      expect((await me(ada)).status).toBe(200)
      expect((await refresh(app, ada.refreshToken)).status).toBe(200)
      expect((await membersOf(plain)).has(ada.id)).toBe(true)

      await makeOwner(needy, bob)
      expectDone(await remove(ada))
      expect(await membersOf(needy)).toEqual(new Map([[bob.id, 'owner']]))
      expect(await roomRow(alone)).toMatchObject({ member_count: 0 })
      await expectSound()
    })

    test('is done where nobody else is', async () => {
      const room = await newRoom(app, ada)
      expectDone(await remove(ada))
      expect(await roomRow(room)).toEqual({ member_version: 2, member_count: 0 })
    })

    test('at the same time as the other owner’s leaves one of them', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const [first, second] = [await newcomer(), await newcomer()]
        const room = await newRoom(app, first)
        for (const person of [second, bob]) await join(room, person)
        await makeOwner(room, second)
        const answers = await Promise.all([remove(first), remove(second)])
        expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 409])
        expectRefusal(answers.find(({ status }) => status === 409) ?? expect.fail(), 409, 'last_owner')
        expect([...(await membersOf(room)).values()].toSorted()).toEqual(['member', 'owner'])
      }
      await expectSound()
    })

    test('at the same time as the other owner’s is done where nobody else is', async () => {
      const other = await newcomer()
      const room = await newRoom(app, ada)
      await join(room, other)
      await makeOwner(room, other)
      const answers = await Promise.all([remove(ada), remove(other)])
      for (const answer of answers) expectDone(answer)
      expect(await roomRow(room)).toEqual({ member_version: 3, member_count: 0 })
    })
  })

  describe('at the same time as', () => {
    test('itself happens once', async () => {
      const answers = await Promise.all([remove(ada), remove(ada), remove(ada)])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 401, 401])
      await expectSound()
    })

    test('joining leaves no membership', async () => {
      const rooms = await Promise.all(Array.from({ length: 20 }, () => newRoom(app, bob)))
      const joined = rooms.map((room) => join(room, ada))
      const [deleted, ...answers] = await Promise.all([remove(ada), ...joined])
      expectDone(deleted)
      for (const { status } of answers) expect([200, 401, 403]).toContain(status)
      await expectSound()
    })

    test('logging in leaves no session', async () => {
      const { late } = await database.admin.db.transaction().execute(async (trx) => {
        await sql`SELECT 1 FROM chat.users WHERE id = ${ada.id} FOR NO KEY UPDATE`.execute(trx)
        const deleted = remove(ada)
        await expect.poll(() => lockWaiters(database)).toBe(1)
        const late = login(ada)
        await expect.poll(() => lockWaiters(database)).toBe(2)
        return { late: Promise.all([deleted, late]) }
      })
      const [deleted, answer] = await late
      expectDone(deleted)
      expectRefusal(answer, 401, 'invalid_credentials')
    })

    test('refreshing leaves no token that works', async () => {
      const answers = Array.from({ length: 9 }, () => refresh(app, ada.refreshToken))
      const [deleted, ...given] = await Promise.all([remove(ada), ...answers])
      expectDone(deleted)
      for (const { status, body } of given) {
        if (status === 200) expectRefusal(await refresh(app, body.refreshToken), 401, 'unauthenticated')
      }
    })

    test('being removed by an owner waits for nothing that waits for it', async () => {
      const room = await newRoom(app, bob)
      await join(room, ada)
      const { both } = await database.admin.db.transaction().execute(async (trx) => {
        await sql`SELECT 1 FROM chat.rooms WHERE id = ${room} FOR NO KEY UPDATE`.execute(trx)
        const removed = ask(app, `DELETE /rooms/${room}/members/${ada.id}`, { as: bob })
        await expect.poll(() => lockWaiters(database)).toBe(1)
        const deleted = remove(ada)
        await expect.poll(() => lockWaiters(database)).toBe(2)
        return { both: Promise.all([removed, deleted]) }
      })
      for (const answer of await both) expectDone(answer)
      expect(await roomRow(room)).toEqual({ member_version: 2, member_count: 1 })
    })
  })

  describe('is refused', () => {
    test('without the password, and changes nothing', async () => {
      for (const password of ['', `${PASSWORD} `]) {
        expectRefusal(await remove(ada, { password }), 401, 'invalid_credentials')
      }
      expect((await me(ada)).status).toBe(200)
    })

    test('to strangers', async () => {
      const answer = await ask(app, 'DELETE /users/me', { body: { password: PASSWORD } })
      expectRefusal(answer, 401, 'unauthenticated')
    })

    test('where the account is gone, or has no password', async () => {
      await database.admin.db
        .updateTable('chat.users')
        .set({ deleted_at: ago(1) })
        .where('id', '=', ada.id)
        .execute()
      expectRefusal(await remove(ada), 401, 'unauthenticated')
      expectRefusal(await remove(bob), 401, 'invalid_credentials')
    })

    test.each([
      ['nothing', {}],
      ['no text', { password: 7 }],
      ['an endless password', { password: 'x'.repeat(1025) }],
      ['an unknown field', { password: PASSWORD, messages: true }],
    ])('with a body of %s', async (_, body) => {
      expectRefusal(await remove(ada, body), 400, 'validation_failed')
    })

    test('with no body', async () => {
      expectRefusal(await ask(app, 'DELETE /users/me', { as: ada }), 400, 'validation_failed')
    })
  })

  test('leaves a thousand rooms at once', async () => {
    const rooms = Array.from({ length: 1000 }, () => newId())
    const { db } = database.admin
    const values = rooms.map((id) => ({ id, name: 'room', visibility: 'public' as const, member_count: 2 }))
    await db.insertInto('chat.rooms').values(values).execute()
    const members = rooms.flatMap((room_id) => [
      { room_id, user_id: ada.id, role: 'member' as const },
      { room_id, user_id: bob.id, role: 'owner' as const },
    ])
    await db.insertInto('chat.room_members').values(members).execute()
    expectDone(await remove(ada))
    await expectSound()
  })
})
