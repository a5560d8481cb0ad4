import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ask,
  configFor,
  expectRefusal,
  newPerson,
  newRoom,
  type Person,
  say,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

interface Known {
  readonly room: string
  readonly owner: Person
  readonly message: string
}

/** Every call that names a room. */
const CALLS: readonly (readonly [call: (known: Known) => string, body?: (known: Known) => object])[] = [
  [({ room }) => `GET /rooms/${room}`],
  [({ room }) => `GET /rooms/${room}/messages`],
  [({ room, message }) => `GET /rooms/${room}/messages?after=${message}`],
  [({ room }) => `GET /rooms/${room}/members`],
  [({ room }) => `PATCH /rooms/${room}`, () => ({ name: 'mine' })],
  [({ room }) => `POST /rooms/${room}/members`, ({ owner }) => ({ username: owner.username })],
  [({ room }) => `POST /rooms/${room}/members`, () => ({ username: 'nobody_at_all' })],
  [({ room, owner }) => `PATCH /rooms/${room}/members/${owner.id}`, () => ({ role: 'member' })],
  [({ room, owner }) => `DELETE /rooms/${room}/members/${owner.id}`],
  [({ room }) => `DELETE /rooms/${room}/members/me`],
  [({ room }) => `DELETE /rooms/${room}/members/${newId()}`],
  [({ room }) => `POST /rooms/${room}/read`, ({ message }) => ({ lastReadMessageId: message })],
  [({ room }) => `POST /rooms/${room}/read`, () => ({ lastReadMessageId: newId() })],
]

suiteOn(['postgres'], 'whoever is no member', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let mallory: Person
  let removed: Person
  let closed: Known
  let open: Known

  beforeAll(async () => {
    database = await testDatabase()
    app = await startApi(configFor(database.url))
    ada = await newPerson(app, database)
    mallory = await newPerson(app, database)
    removed = await newPerson(app, database)
    closed = await known('private')
    open = await known('public')
  })
  afterAll(async () => {
    await app.close()
    await database[Symbol.asyncDispose]()
  })

  async function known(visibility: 'public' | 'private'): Promise<Known> {
    const room = await newRoom(app, ada, { visibility })
    const [message = ''] = await say(database, room, ada.id, ['secret'])
    await ask(app, `POST /rooms/${room}/members`, { as: ada, body: { username: removed.username } })
    await ask(app, `DELETE /rooms/${room}/members/${removed.id}`, { as: ada })
    return { room, owner: ada, message }
  }

  const answerTo = (as: Person, at: Known, [call, body]: (typeof CALLS)[number]) =>
    ask(app, call(at), { as, ...(body === undefined ? {} : { body: body(at) }) })
  const everything = async () => {
    const { rows } = await sql`
      SELECT r.*, (SELECT jsonb_agg(m ORDER BY m.user_id) FROM chat.room_members m WHERE m.room_id = r.id) AS members,
             (SELECT jsonb_agg(b ORDER BY b.user_id) FROM chat.room_bans b WHERE b.room_id = r.id) AS bans
      FROM chat.rooms r ORDER BY r.id`.execute(database.admin.db)
    return rows
  }

  describe.each(
    CALLS.map(
      (call) =>
        [call[0]({ room: ':id', message: ':message', owner: { id: ':user' } as Person }), call] as const,
    ),
  )('%s', (_, call) => {
    test('finds a private room as little as one that never was, and changes nothing', async () => {
      const before = await everything()
      const absent = await answerTo(mallory, { ...closed, room: newId() }, call)
      expectRefusal(absent, 404, 'room_not_found')
      for (const person of [mallory, removed]) {
        const hidden = await answerTo(person, closed, call)
        expectRefusal(hidden, 404, 'room_not_found')
        expect(hidden.body.error.message).toBe(absent.body.error.message)
      }
      expect(await everything()).toEqual(before)
    })

    test('has no say in a public room, and changes nothing', async () => {
      const before = await everything()
      for (const person of [mallory, removed]) {
        expectRefusal(await answerTo(person, open, call), 403, 'not_a_member')
      }
      expect(await everything()).toEqual(before)
    })

    test('needs a token', async () => {
      const [path, body] = call
      const payload = body === undefined ? {} : { body: body(open) }
      expectRefusal(await ask(app, path(open), payload), 401, 'unauthenticated')
    })
  })
})
