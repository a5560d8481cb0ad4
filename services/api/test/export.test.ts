import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type ExportLine, exportLineSchema, newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ago } from './sessions.ts'
import {
  ask,
  configFor,
  expectRefusal,
  listen,
  newPerson,
  newRoom,
  type Person,
  say,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

suiteOn(['postgres'], 'an account’s export', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person

  beforeAll(async () => {
    database = await testDatabase()
  })
  beforeEach(async () => {
    app = await startApi(configFor(database.url))
    ada = await newPerson(app, database)
    bob = await newPerson(app, database)
    return () => app.close()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  const exported = async (as = ada): Promise<readonly ExportLine[]> => {
    const { status, body } = await ask(app, 'GET /users/me/export', { as })
    expect(status).toBe(200)
    const lines = String(body).split('\n')
    expect(lines.pop()).toBe('')
    return lines.map((line) => exportLineSchema.parse(JSON.parse(line)))
  }
  const messagesIn = (lines: readonly ExportLine[]) => lines.filter((line) => line.type === 'message')
  const join = (roomId: string, as: Person) => ask(app, `POST /rooms/${roomId}/join`, { as })
  const leave = (roomId: string, as: Person) => ask(app, `DELETE /rooms/${roomId}/members/me`, { as })

  /** More than a connection holds that nobody reads from. */
  const sayMuch = async (roomId: string, { id }: Person) => {
    await sql`INSERT INTO chat.messages
      SELECT ${roomId}, n, ${newId().slice(0, 20)} || lpad(n::text, 6, '0'), ${id}, lpad(n::text, 8, '0'),
        repeat('€', 4000), now(), 0, n FROM generate_series(1, 2000) n`.execute(database.admin.db)
  }
  const unread = async (as: Person, origin?: string): Promise<IncomingMessage> => {
    const url = `${origin ?? (await listen(app))}/users/me/export`
    const request = get(url, { headers: { authorization: `Bearer ${as.token}` } })
    request.on('error', () => undefined)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.on('error', () => undefined)
    return response
  }

  test('is JSON lines: the account, its memberships, its messages', async () => {
    const [own, other] = [
      await newRoom(app, ada, { name: 'Ada’s', visibility: 'private' }),
      await newRoom(app, bob, { name: 'Bob’s' }),
    ]
    await join(other, ada)
    const [first] = await say(database, own, ada.id, ['first'])
    await say(database, other, bob.id, ['not mine'])
    const [second] = await say(database, other, ada.id, ['second'])
    const lines = await exported()
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const { id, username } = ada
    expect(lines[0]).toEqual({ type: 'account', id, username, displayName: username, createdAt: time })
    const membership = { type: 'membership', joinedAt: time, lastReadSeq: 0 }
    const memberships = [
      { ...membership, roomId: own, roomName: 'Ada’s', role: 'owner' },
      { ...membership, roomId: other, roomName: 'Bob’s', role: 'member' },
    ]
    expect(lines.slice(1, 3)).toEqual(memberships)
    const message = { type: 'message', kind: 'message', senderId: id, clientMsgId: expect.any(String) }
    expect(lines.slice(3)).toEqual([
      { ...message, id: first, roomId: own, seq: 1, body: 'first', createdAt: time },
      { ...message, id: second, roomId: other, seq: 2, body: 'second', createdAt: time },
    ])
  })

  test('says that it is a file', async () => {
    const { headers } = await ask(app, 'GET /users/me/export', { as: ada })
    expect(headers['content-type']).toBe('application/x-ndjson')
    expect(headers['content-disposition']).toBe('attachment; filename="roomlog-export.jsonl"')
  })

  test('is whole over many pages', async () => {
    const counts = [0, 1, 99, 100, 101, 350]
    for (const count of counts) {
      const room = await newRoom(app, ada)
      await join(room, bob)
      // Between others' messages.
      for (let said = 0; said < count; said += 50) {
        const bodies = Array.from({ length: Math.min(50, count - said) }, (_, i) => `${said + i}`)
        await say(database, room, ada.id, bodies)
        await say(database, room, bob.id, bodies)
      }
    }
    const rooms = Array.from({ length: 250 }, () => newId())
    const { db } = database.admin
    await db
      .insertInto('chat.rooms')
      .values(rooms.map((id) => ({ id, name: 'room', visibility: 'public' as const, member_count: 1 })))
      .execute()
    await db
      .insertInto('chat.room_members')
      .values(rooms.map((room_id) => ({ room_id, user_id: ada.id, role: 'owner' as const })))
      .execute()
    await say(database, rooms.toSorted().at(-1) ?? '', ada.id, ['last'])

    const lines = await exported()
    const memberships = lines.filter((line) => line.type === 'membership')
    expect(new Set(memberships.map(({ roomId }) => roomId)).size).toBe(counts.length + rooms.length)
    expect(memberships).toHaveLength(counts.length + rooms.length)
    const messages = messagesIn(lines)
    expect(messages).toHaveLength(counts.reduce((sum, count) => sum + count, 1))
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length)
    expect(new Set(messages.map(({ senderId }) => senderId))).toEqual(new Set([ada.id]))
  })

  test('has what was said in rooms that were left, and nothing else of them', async () => {
    const rooms = [await newRoom(app, bob), await newRoom(app, bob), await newRoom(app, bob)] as const
    const [left, again, removed] = rooms
    for (const room of rooms) {
      await join(room, ada)
      await say(database, room, ada.id, [`in ${room}`])
      await say(database, room, bob.id, ['not mine'])
    }
    for (const room of [left, again]) expect((await leave(room, ada)).status).toBe(204)
    await join(again, ada)
    await ask(app, `DELETE /rooms/${removed}/members/${ada.id}`, { as: bob })
    const lines = await exported()
    expect(messagesIn(lines).map(({ body }) => body)).toEqual(rooms.toSorted().map((room) => `in ${room}`))
    const memberships = lines.filter((line) => line.type === 'membership')
    expect(memberships.map(({ roomId }) => roomId)).toEqual([again])
  })

  test('keeps every character, and one line for each', async () => {
    const bodies = ['two\nlines\r\n', '🦄 عدا \u2028\u2029', '"}\\', '<script>']
    const room = await newRoom(app, ada)
    await say(database, room, ada.id, bodies)
    expect(messagesIn(await exported()).map(({ body }) => body)).toEqual(expect.arrayContaining(bodies))
  })

  test('tells no secret', async () => {
    const hash = 'canary-hash'
    await database.admin.db
      .updateTable('chat.users')
      .set({ password_hash: hash })
      .where('id', '=', ada.id)
      .execute()
    expect((await ask(app, 'GET /users/me/export', { as: ada })).body).not.toContain(hash)
  })

  test('is refused to strangers and to who is deleted', async () => {
    expectRefusal(await ask(app, 'GET /users/me/export'), 401, 'unauthenticated')
    await database.admin.db
      .updateTable('chat.users')
      .set({ deleted_at: ago(1) })
      .where('id', '=', ada.id)
      .execute()
    expectRefusal(await ask(app, 'GET /users/me/export', { as: ada }), 401, 'unauthenticated')
  })

  test('is read by GET alone', async () => {
    const answer = await ask(app, 'HEAD /users/me/export', { as: ada })
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET' } })
  })

  test('goes whole to who reads it piece by piece', async () => {
    const room = await newRoom(app, ada)
    await sayMuch(room, ada)
    const response = await unread(ada)
    let lines = 0
    for await (const chunk of response) lines += String(chunk).split('\n').length - 1
    expect(lines).toBe(2002)
    expect(response.complete).toBe(true)
  })

  test('is refused to who has two under way, and to nobody else', async () => {
    await sayMuch(await newRoom(app, ada), ada)
    const origin = await listen(app)
    const [first, second] = [await unread(ada, origin), await unread(ada, origin)]
    const refused = await ask(app, 'GET /users/me/export', { as: ada })
    expectRefusal(refused, 429, 'rate_limited')
    expect(refused.headers['retry-after']).toBe('10')
    await exported(bob)
    first.destroy()
    await expect.poll(async () => (await ask(app, 'GET /users/me/export', { as: ada })).status).toBe(200)
    second.destroy()
  })

  test('ends with a reader who goes away', async () => {
    const room = await newRoom(app, ada)
    await sayMuch(room, ada)
    const response = await unread(ada)
    response.destroy()
    expect(await exported(bob)).toHaveLength(1)
    await app.close()
  })

  test('holds up no stop for a reader who does not read', async () => {
    const room = await newRoom(app, ada)
    await sayMuch(room, ada)
    const response = await unread(ada)
    await app.close()
    // It can tell that this was not all.
    response.resume()
    await expect.poll(() => response.closed).toBe(true)
    expect(response.complete).toBe(false)
  })
})
