import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import {
  ask,
  expectRefusal,
  lockWaiters,
  newRoom,
  type Person,
  type TestDatabase,
  withApi,
} from './support.ts'

const [AT_ONCE, MAX_WAITING] = [4, 100] as const
/** More than the pool has connections, and than may wait. */
const CROWD = 120

suiteOn(['postgres'], 'requests of one user at once', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
  })

  test('leave the database to others, wait in order, and are refused beyond a bound', async () => {
    const roomId = await newRoom(app, ada)
    const [locked, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const holding = database.admin.db.transaction().execute(async (trx) => {
      await trx.selectFrom('chat.rooms').select('id').where('id', '=', roomId).forUpdate().execute()
      locked.resolve()
      await free.promise
    })
    await locked.promise
    const renamed = Array.from({ length: CROWD }, (_, n) =>
      ask(app, `PATCH /rooms/${roomId}`, { as: ada, body: { name: `Name ${n}` } }),
    )
    try {
      await expect.poll(() => lockWaiters(database)).toBe(AT_ONCE)
      expect((await ask(app, 'GET /rooms', { as: bob })).status).toBe(200)
      expect(await lockWaiters(database)).toBe(AT_ONCE)
    } finally {
      free.resolve()
      await holding
    }
    const answers = await Promise.all(renamed)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(CROWD - AT_ONCE - MAX_WAITING)
    // On a slow machine the last of those that wait are not waited for.
    expect(answers.filter(({ status }) => ![200, 429, 503].includes(status))).toEqual([])
    expect(answers[0]?.status).toBe(200)
    for (const answer of refused) {
      expectRefusal(answer, 429, 'rate_limited')
      expect(answer.headers['retry-after']).toBe('1')
    }
    expect((await ask(app, `GET /rooms/${roomId}/messages`, { as: ada })).status).toBe(200)
  })

  test('are not in the way of who shows a refresh token, whose are bounded, too', async () => {
    const shown = { refreshToken: 'x'.repeat(43) }
    const answers = await Promise.all(
      Array.from({ length: 605 }, () => ask(app, 'POST /auth/refresh', { body: shown })),
    )
    const statuses = new Set(answers.map(({ status }) => status))
    expect(statuses).toContain(429)
    expect([...statuses].filter((status) => ![401, 429, 503].includes(status))).toEqual([])
    expect((await ask(app, 'GET /rooms', { as: bob })).status).toBe(200)
  })
})
