import { newId, type Room } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import {
  ask,
  expectRefusal,
  newPerson,
  newRoom,
  type Person,
  say,
  type TestDatabase,
  tokenOf,
  withApi,
} from './support.ts'

suiteOn(['postgres'], 'rooms', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
  })

  describe('are made', () => {
    test('public unless told otherwise, and owned by who makes them', async () => {
      const answer = await ask(app, 'POST /rooms', { as: ada, body: { name: '  Lobby 🫶🏽 مرحبا ' } })
      expect(answer.status).toBe(201)
      expect(answer.body).toEqual({
        room: {
          id: expect.stringMatching(/^[0-9A-Z]{26}$/),
          name: 'Lobby 🫶🏽 مرحبا',
          visibility: 'public',
          role: 'owner',
          memberCount: 1,
          lastSeq: 0,
          lastMessage: null,
          lastReadSeq: 0,
          unreadCount: 0,
        },
      })
      const { room } = answer.body
      expect(await ask(app, `GET /rooms/${room.id}`, { as: ada })).toMatchObject({
        status: 200,
        body: { room },
      })
    })

    test('private where asked', async () => {
      const answer = await ask(app, 'POST /rooms', { as: ada, body: { name: 'x', visibility: 'private' } })
      expect(answer).toMatchObject({ status: 201, body: { room: { visibility: 'private', role: 'owner' } } })
    })

    test('with a name of 100, which nobody else needs to lack', async () => {
      const name = 'x'.repeat(100)
      const ids = await Promise.all([newRoom(app, ada, { name }), newRoom(app, bob, { name })])
      expect(new Set(ids).size).toBe(2)
    })

    test.each([
      ['no name', {}],
      ['an empty name', { name: ' \t ' }],
      ['a long name', { name: 'x'.repeat(101) }],
      ['a name that is a number', { name: 7 }],
      ['a name with NUL', { name: 'a\0b' }],
      ['a name with a lone surrogate', { name: 'a\udc00' }],
      ['another visibility', { name: 'room', visibility: 'secret' }],
      ['an unknown field', { name: 'room', lastSeq: 7 }],
    ])('not with %s', async (_, body) => {
      expectRefusal(await ask(app, 'POST /rooms', { as: ada, body }), 400, 'validation_failed')
    })

    test('not without a body', async () => {
      expectRefusal(await ask(app, 'POST /rooms', { as: ada }), 400, 'validation_failed')
    })

    test('not by who is unknown since a restore, or deleted', async () => {
      const gone = await newPerson(app, database)
      const deleted = { deleted_at: new Date() }
      await database.admin.db.updateTable('chat.users').set(deleted).where('id', '=', gone.id).execute()
      const unknown = { ...ada, token: tokenOf(app, newId()) }
      for (const as of [unknown, gone]) {
        expectRefusal(await ask(app, 'POST /rooms', { as, body: { name: 'x' } }), 401, 'unauthenticated')
      }
      const left = await database.admin.db
        .selectFrom('chat.rooms')
        .select('id')
        .where('member_count', '=', 1)
        .where('id', 'not in', (qb) => qb.selectFrom('chat.room_members').select('room_id'))
        .execute()
      expect(left).toEqual([])
    })
  })

  describe('are shown', () => {
    test('with their last message and what is unread', async () => {
      const id = await newRoom(app, ada, { name: 'news' })
      const [, last] = await say(database, id, bob.id, ['first', 'last'])
      const { body } = await ask(app, `GET /rooms/${id}`, { as: ada })
      expect(body.room).toMatchObject({
        name: 'news',
        lastSeq: 2,
        lastReadSeq: 0,
        unreadCount: 2,
        memberCount: 1,
      })
      expect(body.room.lastMessage).toEqual({
        id: last,
        roomId: id,
        seq: 2,
        kind: 'message',
        senderId: bob.id,
        clientMsgId: expect.any(String),
        body: 'last',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      })
    })

    test('to members alone', async () => {
      const open = await newRoom(app, ada)
      const closed = await newRoom(app, ada, { visibility: 'private' })
      expectRefusal(await ask(app, `GET /rooms/${open}`, { as: bob }), 403, 'not_a_member')
      const hidden = await ask(app, `GET /rooms/${closed}`, { as: bob })
      const absent = await ask(app, `GET /rooms/${newId()}`, { as: bob })
      for (const answer of [hidden, absent]) expectRefusal(answer, 404, 'room_not_found')
      expect(hidden.body.error.message).toBe(absent.body.error.message)
    })

    test.each([['7'], ['zzzzzzzzzzzzzzzzzzzzzzzzzz'], ["' OR 1=1 --"], ['%00'], [`${newId()}x`]])(
      'not under the malformed id %j',
      async (id) => {
        const path = id.startsWith('%') ? id : encodeURIComponent(id)
        expectRefusal(await ask(app, `GET /rooms/${path}`, { as: ada }), 400, 'validation_failed')
      },
    )
  })

  describe('of mine are listed', () => {
    test('by id, with the senders of their last messages, and nobody else’s', async () => {
      const cleo = await newPerson(app, database)
      expect((await ask(app, 'GET /rooms', { as: cleo })).body).toEqual({
        rooms: [],
        nextCursor: null,
        users: {},
      })
      const ids = [await newRoom(app, cleo), await newRoom(app, cleo, { visibility: 'private' })]
      await newRoom(app, ada)
      await say(database, ids[0] ?? '', bob.id, [BODY])
      const { status, body } = await ask(app, 'GET /rooms', { as: cleo })
      expect(status).toBe(200)
      expect(body.rooms.map(({ id }: Room) => id)).toEqual(ids)
      expect(body.rooms.map(({ lastMessage }: Room) => lastMessage?.body)).toEqual([BODY, undefined])
      expect(body.users).toEqual({
        [bob.id]: {
          id: bob.id,
          username: bob.username,
          displayName: bob.username,
          createdAt: expect.any(String),
        },
      })
    })

    test('page by page, each once', async () => {
      const dan = await newPerson(app, database)
      const ids: string[] = []
      for (let i = 0; i < 5; i += 1) ids.push(await newRoom(app, dan))
      const seen: string[][] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const from: string = cursor === '' ? '' : `&cursor=${cursor}`
        const { body } = await ask(app, `GET /rooms?limit=2${from}`, { as: dan })
        seen.push(body.rooms.map(({ id }: Room) => id))
        cursor = body.nextCursor
      }
      expect(seen).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
      // A page that is just full is the last.
      expect((await ask(app, 'GET /rooms?limit=5', { as: dan })).body.nextCursor).toBeNull()
    })

    test.each([
      ['limit=0'],
      ['limit=-1'],
      ['limit=101'],
      ['limit=1e2'],
      ['limit='],
      ['limit=1&limit=2'],
      ['limit[]=1'],
      ['cursor=7'],
      ['cursor='],
      ["cursor='%20OR%201=1"],
      ['before=1'],
      ['__proto__=1'],
      ['constructor=1'],
    ])('not with ?%s', async (query) => {
      expectRefusal(await ask(app, `GET /rooms?${query}`, { as: ada }), 400, 'validation_failed')
    })
  })
})
