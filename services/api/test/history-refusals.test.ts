import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, test } from 'vitest'
import { ask, expectRefusal, newRoom, type Person, say, type TestDatabase, withApi } from './support.ts'

/** Well-formed, and of no message. */
const UNKNOWN = '01M884WYSY99XVZE27FM6JD876'

suiteOn(['postgres'], 'a room’s history', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let room: string
  let ids: readonly string[]

  withApi(async (api) => {
    ;({ database, app, ada, bob } = api)
    room = await newRoom(app, ada)
    ids = await say(database, room, ada.id, ['one', 'two'])
  })

  const read = (query = '', roomId = room, as = ada) =>
    ask(app, `GET /rooms/${roomId}/messages${query}`, { as })

  describe('refuses the cursor', () => {
    test.each([
      ['before=0'],
      ['before=000'],
      ['before='],
      ['after='],
      ['before=-1'],
      ['after=-1'],
      ['after=1.5'],
      ['after=1e2'],
      ['after=%201'],
      ['after=0x10'],
      ['after=1000000000000000'],
      ['before=9223372036854775808'],
      ['after=9223372036854775808'],
      ['after=NaN'],
      ['after=null'],
      ['after=%00'],
      ['after=%F0%9F%AB%B6'],
      ["before='%20OR%201=1%20--"],
      [`before=${UNKNOWN}`],
      [`after=${UNKNOWN}`],
      [`after=${UNKNOWN.toLowerCase()}`],
      [`after=${UNKNOWN}X`],
    ])('%s', async (query) => {
      expectRefusal(await read(`?${query}`), 400, 'bad_cursor')
    })

    test('that is a message of another room', async () => {
      const other = await newRoom(app, ada)
      const [elsewhere] = await say(database, other, ada.id, [BODY])
      for (const side of ['before', 'after']) {
        expectRefusal(await read(`?${side}=${elsewhere}`), 400, 'bad_cursor')
      }
    })
  })

  test.each([
    ['before=2&after=1'],
    ['before=2&before=3'],
    ['after[]=1'],
    ['limit=0'],
    ['limit=101'],
    ['limit=-1'],
    ['limit=1e2'],
    ['limit=5&limit=5'],
    ['cursor=1'],
    ['__proto__=1'],
  ])('refuses the query %s', async (query) => {
    expectRefusal(await read(`?${query}`), 400, 'validation_failed')
  })

  test('is for members alone, whatever the cursor', async () => {
    const closed = await newRoom(app, ada, { visibility: 'private' })
    for (const query of ['', '?before=0', '?after=garbage', `?after=${ids[0]}`]) {
      expectRefusal(await read(query, room, bob), 403, 'not_a_member')
      expectRefusal(await read(query, closed, bob), 404, 'room_not_found')
      expectRefusal(await read(query, newId(), bob), 404, 'room_not_found')
    }
  })
})
