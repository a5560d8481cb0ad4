import type { Message } from '@roomlog/protocol'
import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { ask, newPerson, newRoom, type Person, say, type TestDatabase, withApi } from './support.ts'

const HEAD = 10

suiteOn(['postgres'], 'a room’s history', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let room: string
  /** By seq − 1. */
  let ids: readonly string[]

  withApi(async (api) => {
    ;({ database, app, ada, bob } = api)
    room = await newRoom(app, ada)
    ids = await say(
      database,
      room,
      ada.id,
      Array.from({ length: HEAD }, (_, i) => `message ${i + 1}`),
    )
  })

  const read = (query = '', roomId = room, as = ada) =>
    ask(app, `GET /rooms/${roomId}/messages${query}`, { as })
  const range = (from: number, to: number) =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
  /** Seqs in place of messages. */
  const page = async (query: string) => {
    const { status, body } = await read(query)
    expect(status).toBe(200)
    return { seqs: body.messages.map(({ seq }: Message) => seq), hasMore: body.hasMore, head: body.head }
  }

  test('shows messages as they were stored', async () => {
    const { status, body } = await read('?limit=1')
    const { rows } = await sql<{ epoch: string }>`SELECT epoch FROM chat.cluster`.execute(database.admin.db)
    expect(status).toBe(200)
    expect(body).toEqual({
      messages: [
        {
          id: ids[HEAD - 1],
          roomId: room,
          seq: HEAD,
          kind: 'message',
          senderId: ada.id,
          clientMsgId: expect.any(String),
          body: `message ${HEAD}`,
          createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
      ],
      head: HEAD,
      hasMore: true,
      epoch: rows[0]?.epoch,
      users: {
        [ada.id]: {
          id: ada.id,
          username: ada.username,
          displayName: ada.username,
          createdAt: expect.any(String),
        },
      },
    })
  })

  test('keeps bodies byte for byte', async () => {
    const bodies = ['🫶🏽 مرحبا', "'; DROP TABLE x --", ' \n\t', '<script>', 'x'.repeat(4000), '{"a":null}']
    const other = await newRoom(app, ada)
    await say(database, other, ada.id, bodies)
    const { body } = await read('', other)
    expect(body.messages.map((message: Message) => message.body)).toEqual(bodies)
  })

  test('tells times in UTC, to the millisecond', async () => {
    const other = await newRoom(app, ada)
    await say(database, other, ada.id, [BODY])
    const createdAt = '2026-01-02T03:04:05.060Z'
    const at = { created_at: new Date(createdAt) }
    await database.admin.db.updateTable('chat.messages').set(at).where('room_id', '=', other).execute()
    expect((await read('', other)).body.messages).toMatchObject([{ createdAt }])
  })

  test('of an empty room is empty', async () => {
    const empty = await newRoom(app, ada)
    for (const query of ['', '?before=5', '?after=0', '?after=5']) {
      expect((await read(query, empty)).body).toMatchObject({
        messages: [],
        head: 0,
        hasMore: false,
        users: {},
      })
    }
  })

  test('names the senders of its page, those who left and those who are deleted too', async () => {
    const other = await newRoom(app, ada)
    const gone = await newPerson(app, database)
    await say(database, other, bob.id, ['one'])
    await say(database, other, gone.id, ['two'])
    await say(database, other, newId(), ['of nobody known'])
    const deleted = { deleted_at: new Date() }
    await database.admin.db.updateTable('chat.users').set(deleted).where('id', '=', gone.id).execute()
    const { body } = await read('', other)
    expect(Object.keys(body.users).toSorted()).toEqual([bob.id, gone.id].toSorted())
    expect(Object.keys((await read('?limit=1&before=2', other)).body.users)).toEqual([bob.id])
  })

  test('has fifty messages a page unless told otherwise', async () => {
    const long = await newRoom(app, ada)
    await say(
      database,
      long,
      ada.id,
      range(1, 120).map((n) => `${n}`),
    )
    const lengths = ['', '?limit=100', '?after=0', '?after=0&limit=100'].map(
      async (query) => (await read(query, long)).body.messages.length,
    )
    expect(await Promise.all(lengths)).toEqual([50, 100, 50, 100])
  })

  describe('is paged', () => {
    test.each([
      // Newest page.
      ['?limit=3', range(8, 10), true],
      ['?limit=9', range(2, 10), true],
      ['?limit=10', range(1, 10), false],
      ['?limit=100', range(1, 10), false],
      // Towards the beginning.
      ['?before=10&limit=3', range(7, 9), true],
      ['?before=5&limit=4', range(1, 4), false],
      ['?before=5&limit=3', range(2, 4), true],
      ['?before=2', [1], false],
      ['?before=1', [], false],
      // Above the head: the newest page.
      ['?before=11&limit=3', range(8, 10), true],
      ['?before=999999999999999&limit=3', range(8, 10), true],
      // Towards the head.
      ['?after=0&limit=3', range(1, 3), true],
      ['?after=000&limit=3', range(1, 3), true],
      ['?after=7&limit=3', range(8, 10), false],
      ['?after=6&limit=3', range(7, 9), true],
      ['?after=9', [10], false],
      ['?after=10', [], false],
      ['?after=11', [], false],
      ['?after=999999999999999', [], false],
    ])('%s', async (query, seqs, hasMore) => {
      expect(await page(query)).toEqual({ seqs, hasMore, head: HEAD })
    })

    test('by ids as by seqs', async () => {
      expect(await page(`?before=${ids[4]}&limit=3`)).toEqual(await page('?before=5&limit=3'))
      expect(await page(`?after=${ids[4]}&limit=3`)).toEqual(await page('?after=5&limit=3'))
      expect(await page(`?before=${ids[0]}`)).toEqual({ seqs: [], hasMore: false, head: HEAD })
      expect(await page(`?after=${ids[HEAD - 1]}`)).toEqual({ seqs: [], hasMore: false, head: HEAD })
    })

    test('through all of it in both directions, each message once', async () => {
      const back: number[] = []
      for (let more = true, query = '?limit=3'; more; query = `?limit=3&before=${back[0]}`) {
        const { seqs, hasMore } = await page(query)
        back.unshift(...seqs)
        more = hasMore
      }
      const forth: number[] = []
      for (let more = true; more; ) {
        const { seqs, hasMore } = await page(`?limit=3&after=${forth.at(-1) ?? 0}`)
        forth.push(...seqs)
        more = hasMore
      }
      expect([back, forth]).toEqual([range(1, HEAD), range(1, HEAD)])
    })
  })
})
