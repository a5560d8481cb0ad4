import { connect, type Database, ROLES } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from './support.ts'

// That the role may do all the api does is shown by every other suite: their api works as it.
suiteOn(['postgres'], 'the api’s database role', () => {
  let database: TestDatabase
  let api: Database

  beforeAll(async () => {
    database = await testDatabase()
    api = connect({ url: database.url, role: ROLES.api, applicationName: 'api-test' })
  })
  afterAll(async () => {
    await api.close()
    await database[Symbol.asyncDispose]()
  })

  test.each([
    ['store a message', sql`INSERT INTO chat.messages SELECT * FROM chat.messages`],
    ['change a message', sql`UPDATE chat.messages SET body = 'x'`],
    ['delete messages', sql`DELETE FROM chat.messages`],
    ['move a room’s head', sql`UPDATE chat.rooms SET last_seq = 7`],
    [
      'make a room with a head',
      sql`INSERT INTO chat.rooms (id, name, visibility, last_seq) VALUES ('x', 'x', 'public', 7)`,
    ],
    ['delete rooms', sql`DELETE FROM chat.rooms`],
    ['say that the database was restored', sql`UPDATE chat.cluster SET epoch = 'x'`],
    ['forget where a user was', sql`DELETE FROM chat.past_members`],
    ['drop a table', sql`DROP TABLE chat.users`],
    ['change a table', sql`ALTER TABLE chat.users ADD COLUMN x text`],
    ['make a table', sql`CREATE TABLE chat.mine (x text)`],
    ['empty a table', sql`TRUNCATE chat.users CASCADE`],
    ['make a role', sql`CREATE ROLE ${sql.id(`r_${newId().toLowerCase()}`)}`],
  ])('may not %s', async (_, statement) => {
    await expect(statement.execute(api.db)).rejects.toMatchObject({ code: '42501' })
  })
})
