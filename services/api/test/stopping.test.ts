import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  configFor,
  listen,
  lockWaiters,
  newPerson,
  newRoom,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

suiteOn(['postgres'], 'an api that is stopped', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let url: string

  beforeAll(async () => {
    database = await testDatabase()
  })
  beforeEach(async () => {
    app = await startApi(configFor(database.url))
    url = await listen(app)
  })
  afterEach(() => app.close())
  afterAll(() => database[Symbol.asyncDispose]())

  const apiSessions = async () => {
    const { rows } = await sql`SELECT 1 FROM pg_stat_activity
      WHERE application_name = 'roomlog-api' AND datname = current_database()`.execute(database.admin.db)
    return rows.length
  }

  test('finishes requests under way, takes no new ones, and gives its connections back', async () => {
    const ada = await newPerson(app, database)
    const bob = await newPerson(app, database)
    const room = await newRoom(app, ada)
    const join = () =>
      fetch(`${url}/rooms/${room}/join`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bob.token}` },
      })
    const { answer, closed } = await database.admin.db.transaction().execute(async (trx) => {
      await sql`SELECT 1 FROM chat.rooms WHERE id = ${room} FOR UPDATE`.execute(trx)
      const answer = join()
      await expect.poll(() => lockWaiters(database)).toBe(1)
      const closed = app.close()
      await expect
        .poll(() =>
          fetch(`${url}/livez`).then(
            () => 'taken',
            () => 'refused',
          ),
        )
        .toBe('refused')
      return { answer, closed }
    })
    expect((await answer).status).toBe(200)
    expect(await (await answer).json()).toMatchObject({ room: { id: room, memberCount: 2 } })
    await closed
    await expect.poll(apiSessions).toBe(0)
  })

  test('does not wait for connections that are idle', async () => {
    const agent = new Agent({ keepAlive: true })
    const asked = request(`${url}/livez`, { agent })
    asked.end()
    const [response] = await once(asked, 'response')
    response.resume()
    await once(response, 'end')
    const [socket] = Object.values(agent.freeSockets).flat()
    const gone = once(socket ?? expect.fail('the connection was not kept'), 'close')
    await app.close()
    await gone
    agent.destroy()
  })

  test('can be stopped twice', async () => {
    await Promise.all([app.close(), app.close()])
  })
})
