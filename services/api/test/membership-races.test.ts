import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Answer, ask, newPerson, newRoom, type Person, type TestDatabase, withApi } from './support.ts'

const RACES = 200

suiteOn(['postgres'], 'races for membership', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
  })

  const join = (room: string, as: Person) => ask(app, `POST /rooms/${room}/join`, { as })
  const remove = (room: string, userId: string, as: Person) =>
    ask(app, `DELETE /rooms/${room}/members/${userId}`, { as })
  const add = (room: string, { username }: Person, as: Person) =>
    ask(app, `POST /rooms/${room}/members`, { as, body: { username } })
  const promote = (room: string, userId: string, as: Person) =>
    ask(app, `PATCH /rooms/${room}/members/${userId}`, { as, body: { role: 'owner' } })

  /** What is stored of a room, in one statement. */
  async function stored(room: string) {
    const { rows } = await sql<{ version: number; count: number; members: number; owners: number }>`
      SELECT r.member_version AS version, r.member_count AS count, count(m.user_id) AS members,
             count(m.user_id) FILTER (WHERE m.role = 'owner') AS owners
      FROM chat.rooms r LEFT JOIN chat.room_members m ON m.room_id = r.id
      WHERE r.id = ${room} GROUP BY r.id`.execute(database.admin.db)
    return rows[0] ?? { version: 0, count: 0, members: 0, owners: 0 }
  }

  const isDone = ({ status }: Answer) => status === 204

  test(`of joining, leaving, removing and adding one user ×${RACES} keep count and members one, and each end is a step of the version`, async () => {
    const room = await newRoom(app, ada)
    let version = (await stored(room)).version
    for (let race = 0; race < RACES; race += 1) {
      const work = [
        () => join(room, bob),
        () => remove(room, 'me', bob),
        () => remove(room, bob.id, ada),
        () => add(room, bob, ada),
      ]
      // Another one first each time.
      const answers = await Promise.all(
        work.map((_, i) => work[(i + race) % work.length]?.() ?? join(room, bob)),
      )
      for (const { status } of answers) expect([200, 201, 204, 403, 404]).toContain(status)
      const ended = answers.filter(isDone).length
      const now = await stored(room)
      expect(now).toEqual({ version: version + ended, count: now.members, members: now.members, owners: 1 })
      expect([1, 2]).toContain(now.members)
      version = now.version
      if (race % 5 === 4) await add(room, bob, ada)
    }
    expect(version).toBeGreaterThan(RACES / 4)
  })

  test(`of two owners who leave at once ×${RACES} never leave others without an owner`, async () => {
    const cleo = await newPerson(app, database)
    const statuses = new Set<string>()
    for (let race = 0; race < RACES; race += 1) {
      const room = await newRoom(app, ada)
      for (const person of [bob, cleo]) await join(room, person)
      await promote(room, bob.id, ada)
      const answers = await Promise.all([remove(room, 'me', ada), remove(room, 'me', bob)])
      statuses.add(
        answers
          .map(({ status }) => status)
          .toSorted()
          .join(),
      )
      expect(await stored(room)).toMatchObject({ count: 2, members: 2, owners: 1, version: 2 })
    }
    expect([...statuses]).toEqual(['204,409'])
  })

  test(`of two owners who remove each other at once ×${RACES} leave one of them`, async () => {
    for (let race = 0; race < RACES; race += 1) {
      const room = await newRoom(app, ada)
      await join(room, bob)
      await promote(room, bob.id, ada)
      const answers = await Promise.all([remove(room, bob.id, ada), remove(room, ada.id, bob)])
      expect(answers.filter(isDone)).toHaveLength(1)
      expect(await stored(room)).toMatchObject({ count: 1, members: 1, owners: 1, version: 2 })
    }
  })

  test(`of an owner who leaves alone and one who comes ×${RACES} leave the room with an owner`, async () => {
    for (let race = 0; race < RACES; race += 1) {
      const room = await newRoom(app, ada)
      const calls = [() => remove(room, 'me', ada), () => join(room, bob)]
      const answers = await Promise.all((race % 2 === 0 ? calls : calls.toReversed()).map((call) => call()))
      const left = answers.some(isDone)
      expect(await stored(room)).toMatchObject({
        count: left ? 1 : 2,
        members: left ? 1 : 2,
        owners: 1,
      })
    }
  })

  test('of many who come and go at once keep count and members one', async () => {
    const room = await newRoom(app, ada)
    const people = await Promise.all(Array.from({ length: 20 }, () => newPerson(app, database)))
    await Promise.all(
      people.flatMap((person) => [
        join(room, person),
        remove(room, 'me', person),
        join(room, person),
        add(room, person, ada),
      ]),
    )
    const { count, members } = await stored(room)
    expect(count).toBe(members)
  })
})
