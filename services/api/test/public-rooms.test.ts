import { newId, publicRoomsCursor } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ask, expectRefusal, newRoom, type Person, withApi } from './support.ts'

interface Listed {
  readonly id: string
  readonly name: string
  readonly memberCount: number
}

suiteOn(['postgres'], 'the list of public rooms', () => {
  let app: FastifyInstance
  let ada: Person
  let bob: Person

  withApi((api) => {
    ;({ app, ada, bob } = api)
  })

  const list = (query: Readonly<Record<string, string>>) =>
    ask(app, `GET /rooms/public?${new URLSearchParams(query)}`, { as: bob })
  const found = async (search: string): Promise<readonly string[]> =>
    (await list({ search })).body.rooms.map(({ name }: Listed) => name)
  const named = (...names: readonly string[]) => Promise.all(names.map((name) => newRoom(app, ada, { name })))

  test('shows id, name and how many are in it, to anybody', async () => {
    const [id] = await named('shown')
    await ask(app, `POST /rooms/${id}/join`, { as: bob })
    expect(await list({ search: 'shown' })).toMatchObject({ status: 200 })
    expect((await list({ search: 'shown' })).body).toEqual({
      rooms: [{ id, name: 'shown', memberCount: 2 }],
      nextCursor: null,
    })
  })

  test('leaves out private rooms and those that all have left', async () => {
    const [open, left] = await named('hidden open', 'hidden left')
    await newRoom(app, ada, { name: 'hidden private', visibility: 'private' })
    expect((await ask(app, `DELETE /rooms/${left}/members/me`, { as: ada })).status).toBe(204)
    expect(await found('hidden')).toEqual(['hidden open'])
    await ask(app, `PATCH /rooms/${open}`, { as: ada, body: { visibility: 'private' } })
    expect(await found('hidden')).toEqual([])
    await ask(app, `PATCH /rooms/${open}`, {
      as: ada,
      body: { visibility: 'public', name: 'hidden no more' },
    })
    expect(await found('hidden')).toEqual(['hidden no more'])
    await ask(app, `POST /rooms/${left}/join`, { as: ada })
    expect(await found('hidden')).toEqual(['hidden left', 'hidden no more'])
  })

  test('is by name in any case, and by id where names are the same', async () => {
    await named('order B', 'ORDER c', 'Order a')
    const twins = [await named('order b'), await named('ORDER B')].flat()
    const { rooms } = (await list({ search: 'order' })).body
    expect(rooms.map(({ name }: Listed) => name.toLowerCase())).toEqual([
      'order a',
      ...Array(3).fill('order b'),
      'order c',
    ])
    expect(rooms.slice(2, 4).map(({ id }: Listed) => id)).toEqual(twins)
  })

  describe('finds by the beginning of a name', () => {
    test('in any case, beyond ASCII too', async () => {
      await named('Case', 'cASE two', 'showcase')
      for (const search of ['case', 'CASE', 'cAs']) expect(await found(search)).toEqual(['Case', 'cASE two'])
      await named('Äpfel & Öl', 'ПРИВЕТ мир', 'مرحبا', '日本語の部屋', '🫶🏽 love')
      expect(await found('äPFEL & ö')).toEqual(['Äpfel & Öl'])
      expect(await found('привет')).toEqual(['ПРИВЕТ мир'])
      expect(await found('مرح')).toEqual(['مرحبا'])
      expect(await found('日本')).toEqual(['日本語の部屋'])
      expect(await found('🫶')).toEqual(['🫶🏽 love'])
    })

    test('and takes what LIKE would take for a pattern as it is', async () => {
      await named('100% sure', '100 percent', 'under_score', 'underXscore', 'back\\slash', 'backslash')
      expect(await found('100%')).toEqual(['100% sure'])
      expect(await found('under_')).toEqual(['under_score'])
      expect(await found('back\\')).toEqual(['back\\slash'])
      for (const search of ['%', '_', '\\', '%sure', '100%%', '100\\%', '\\%']) {
        expect(await found(search)).toEqual([])
      }
      await named('%wild', '_wild', '\\wild', "'; DROP TABLE chat.rooms; --")
      expect(await found('%')).toEqual(['%wild'])
      expect(await found('_')).toEqual(['_wild'])
      expect(await found('\\')).toEqual(['\\wild'])
      expect(await found("';")).toHaveLength(1)
    })

    test('or lists all where nothing is searched', async () => {
      const all = (await list({ limit: '100' })).body.rooms
      expect(all.length).toBeGreaterThan(10)
      expect((await list({ search: '', limit: '100' })).body.rooms).toEqual(all)
      expect(await found('nobody called a room so')).toEqual([])
      expect(await found('x'.repeat(100))).toEqual([])
    })
  })

  describe('comes page by page', () => {
    const pages = async (limit: number, between: (page: number) => Promise<void> = async () => undefined) => {
      const seen: string[][] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const from: Readonly<Record<string, string>> = cursor === '' ? {} : { cursor }
        const { status, body } = await list({ search: 'page', limit: String(limit), ...from })
        expect(status).toBe(200)
        seen.push(body.rooms.map(({ name }: Listed) => name))
        cursor = body.nextCursor
        await between(seen.length)
      }
      return seen
    }

    test('each room once', async () => {
      await named('page 3', 'PAGE 1', 'Page 5', 'page 2', 'page 4')
      expect(await pages(2)).toEqual([['PAGE 1', 'page 2'], ['page 3', 'page 4'], ['Page 5']])
      expect(await pages(1)).toHaveLength(5)
      // A page that is just full is the last.
      expect(await pages(5)).toHaveLength(1)
    })

    test('and goes on where it was, also when the room it stopped at is renamed, hidden or left', async () => {
      const [id] = await named('page 2b')
      const seen = await pages(3, async (page) => {
        if (page !== 1) return
        await ask(app, `PATCH /rooms/${id}`, { as: ada, body: { name: 'page 9', visibility: 'private' } })
      })
      expect(seen).toEqual([
        ['PAGE 1', 'page 2', 'page 2b'],
        ['page 3', 'page 4', 'Page 5'],
      ])
    })

    test('with a cursor that is made of nothing but what it names', async () => {
      const cursor = publicRoomsCursor({ id: newId(), name: 'PAGE 2' })
      const { rooms } = (await list({ search: 'page', cursor })).body
      expect(rooms.map(({ name }: Listed) => name)).toEqual(['page 3', 'page 4', 'Page 5'])
    })
  })

  test.each([
    ['limit=0'],
    ['limit=101'],
    ['limit=1e2'],
    ['limit=1&limit=2'],
    ['search=a&search=b'],
    ['search[]=a'],
    ['search=%00'],
    [`search=${'x'.repeat(101)}`],
    ['cursor='],
    ['cursor=7'],
    ['cursor=%F0'],
    [`cursor=${newId()}`],
    [`cursor=${Buffer.from(`${newId()}\0`).toString('base64url')}`],
    [`cursor=${'A'.repeat(501)}`],
    ['name=x'],
    ['__proto__=1'],
  ])('is refused for ?%s', async (query) => {
    expectRefusal(await ask(app, `GET /rooms/public?${query}`, { as: ada }), 400, 'validation_failed')
  })

  test('is refused without a token', async () => {
    expectRefusal(await ask(app, 'GET /rooms/public'), 401, 'unauthenticated')
  })
})
