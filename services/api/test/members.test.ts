import type { Live } from '@roomlog/live'
import { type Member, newId } from '@roomlog/protocol'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isUp, type LiveStore, liveStore, suiteOnEngines } from './hearing.ts'
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

const nowhere = async () => new Map<string, readonly string[]>()

suiteOnEngines('the members of a room', (engine) => {
  const resources = new AsyncDisposableStack()
  let database: TestDatabase
  let store: LiveStore
  let live: Live
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let room: string

  beforeAll(async () => {
    database = resources.use(await testDatabase())
    store = resources.use(await liveStore(engine, database))
    live = await store.open()
    app = await startApi(configFor(database.url), { live })
    resources.defer(() => app.close())
    ada = await newPerson(app, database)
    bob = await newPerson(app, database)
    room = await newRoom(app, ada)
    await say(database, room, ada.id, ['one', 'two'])
    await ask(app, `POST /rooms/${room}/join`, { as: bob })
  })
  afterAll(() => resources.disposeAsync())

  const list = (query = '', as = bob, roomId = room) =>
    ask(app, `GET /rooms/${roomId}/members${query}`, { as })
  const onlineOf = async (person: Person): Promise<boolean | null> => {
    const { status, body } = await list()
    expect(status).toBe(200)
    return body.members.find(({ user }: Member) => user.id === person.id).online
  }

  test('are shown with their roles and what they have read', async () => {
    const shown = (person: Person) => ({
      id: person.id,
      username: person.username,
      displayName: person.username,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    const joinedAt = expect.stringMatching(/Z$/)
    const { status, body } = await list()
    expect(status).toBe(200)
    expect(body).toEqual({
      members: [
        { user: shown(ada), role: 'owner', online: false, joinedAt, lastReadSeq: 0 },
        { user: shown(bob), role: 'member', online: false, joinedAt, lastReadSeq: 2 },
      ],
      nextCursor: null,
    })
  })

  describe('are online', () => {
    test('while they have a socket', async () => {
      const sockets = [newId(), newId()].map((socketId) => ({ userId: ada.id, socketId }))
      await live.presence.connected(sockets, nowhere)
      expect(await onlineOf(ada)).toBe(true)
      expect(await onlineOf(bob)).toBe(false)
      await live.presence.disconnected(sockets.slice(1))
      expect(await onlineOf(ada)).toBe(true)
      await live.presence.disconnected(sockets)
      expect(await onlineOf(ada)).toBe(false)
    })

    test.each(['cut', 'freeze'] as const)(
      'or not, nobody knows while the store is away (%s)',
      async (fault) => {
        const socket = { userId: ada.id, socketId: newId() }
        await live.presence.connected([socket], nowhere)
        store.proxy[fault]()
        // A store that hangs, and then one that is known to be away; added members are shown alike.
        for (let round = 0; round < 2; round += 1) {
          expect((await list()).body.members.map(({ online }: Member) => online)).toEqual([null, null])
        }
        const body = { username: bob.username }
        const added = await ask(app, `POST /rooms/${room}/members`, { as: ada, body })
        expect(added).toMatchObject({ status: 200, body: { member: { online: null } } })
        store.proxy.heal()
        await expect.poll(() => isUp(live), { timeout: 15_000 }).toBe(true)
        await expect.poll(() => onlineOf(ada), { timeout: 15_000 }).toBe(true)
        await live.presence.disconnected([socket])
        expect(await onlineOf(ada)).toBe(false)
      },
    )
  })

  describe('come page by page', () => {
    let crowd: readonly string[]
    let crowded: string

    beforeAll(async () => {
      crowded = await newRoom(app, ada)
      const people = await Promise.all(Array.from({ length: 6 }, () => newPerson(app, database)))
      for (const { username } of people) {
        await ask(app, `POST /rooms/${crowded}/members`, { as: ada, body: { username } })
      }
      crowd = [ada, ...people].map(({ id }) => id).toSorted()
    })

    const page = async (limit: number, cursor?: string) => {
      const from = cursor === undefined ? '' : `&cursor=${cursor}`
      const { body } = await list(`?limit=${limit}${from}`, ada, crowded)
      return { ids: body.members.map(({ user }: Member) => user.id), next: body.nextCursor }
    }

    test('by user id, each once', async () => {
      const first = await page(3)
      const second = await page(3, first.next)
      const third = await page(3, second.next)
      expect([first.ids, second.ids, third.ids]).toEqual([
        crowd.slice(0, 3),
        crowd.slice(3, 6),
        crowd.slice(6),
      ])
      expect(third.next).toBeNull()
      // A page that is just full is the last.
      expect(await page(7)).toEqual({ ids: crowd, next: null })
      expect(await page(6)).toEqual({ ids: crowd.slice(0, 6), next: crowd[5] })
      expect(await page(100)).toEqual({ ids: crowd, next: null })
    })

    test('also behind one who left, or was never there', async () => {
      expect(await page(2, '0'.repeat(26))).toEqual({ ids: crowd.slice(0, 2), next: crowd[1] })
      expect(await page(2, crowd.at(-1))).toEqual({ ids: [], next: null })
      const { next } = await page(2)
      await ask(app, `DELETE /rooms/${crowded}/members/${next}`, { as: ada })
      expect((await page(2, next)).ids).toEqual(crowd.slice(2, 4))
    })
  })

  test('are shown to members alone', async () => {
    const cleo = await newPerson(app, database)
    const closed = await newRoom(app, ada, { visibility: 'private' })
    expectRefusal(await list('', cleo), 403, 'not_a_member')
    expectRefusal(await list('', cleo, closed), 404, 'room_not_found')
    expectRefusal(await list('', cleo, newId()), 404, 'room_not_found')
    expectRefusal(await list('', cleo, 'room'), 400, 'validation_failed')
    expectRefusal(await ask(app, `GET /rooms/${room}/members`), 401, 'unauthenticated')
  })

  test.each([
    ['limit=0'],
    ['limit=-1'],
    ['limit=101'],
    ['limit=1e2'],
    ['limit=1&limit=2'],
    ['cursor='],
    ['cursor=7'],
    ["cursor='%20OR%201=1"],
    ['role=owner'],
    ['__proto__=1'],
  ])('are not shown for ?%s', async (query) => {
    expectRefusal(await list(`?${query}`), 400, 'validation_failed')
  })
})
