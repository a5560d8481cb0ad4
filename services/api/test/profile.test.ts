import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ago } from './sessions.ts'
import {
  ask,
  expectRefusal,
  newPerson,
  newRoom,
  type Person,
  say,
  type TestDatabase,
  tokenOf,
  withApi,
} from './support.ts'

suiteOn(['postgres'], 'users', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let gone: Person

  withApi(async (api) => {
    ;({ database, app, ada, bob } = api)
    gone = await newPerson(app, database)
    await database.admin.db
      .updateTable('chat.users')
      .set({ deleted_at: ago(1), display_name: 'Grace' })
      .where('id', '=', gone.id)
      .execute()
  })

  const rename = (body: object, as = ada) => ask(app, 'PATCH /users/me', { as, body })
  const users = (ids: string, as = ada) => ask(app, `GET /users?ids=${ids}`, { as })

  describe('change how their name shows', () => {
    test('to themselves and to others', async () => {
      const { status, body } = await rename({ displayName: '  Ada Lovelace 🦄 عدا ' })
      expect({ status, body }).toEqual({
        status: 200,
        body: {
          user: {
            id: ada.id,
            username: ada.username,
            displayName: 'Ada Lovelace 🦄 عدا',
            createdAt: expect.any(String),
          },
        },
      })
      expect((await ask(app, 'GET /users/me', { as: ada })).body).toEqual(body)
      expect((await users(ada.id, bob)).body).toEqual({ users: [body.user] })
    })

    test('to one like another’s, and of the longest', async () => {
      expect((await rename({ displayName: bob.username })).status).toBe(200)
      expect((await rename({ displayName: 'x'.repeat(64) })).status).toBe(200)
    })

    test.each([
      ['nothing', {}],
      ['an empty one', { displayName: '' }],
      ['one of blanks', { displayName: ' \t ' }],
      ['one too long', { displayName: 'x'.repeat(65) }],
      ['NUL', { displayName: 'a\0b' }],
      ['half a character', { displayName: 'a\ud83e' }],
      ['no text', { displayName: null }],
      ['another username', { displayName: 'Ada', username: 'admin' }],
      ['a password', { displayName: 'Ada', password: 'another password' }],
    ])('not to %s', async (_, body) => {
      expectRefusal(await rename(body), 400, 'validation_failed')
    })

    test('not without an account', async () => {
      expectRefusal(await rename({ displayName: 'Eve' }, gone), 401, 'unauthenticated')
      const unknown = { ...ada, token: tokenOf(app, newId()) }
      expectRefusal(await rename({ displayName: 'Eve' }, unknown), 401, 'unauthenticated')
    })
  })

  describe('are looked up by id', () => {
    test('in the order asked, each once, unknown ones left out', async () => {
      const { status, body } = await users([bob.id, newId(), ada.id, bob.id].join(','))
      expect(status).toBe(200)
      expect(body.users.map(({ id }: { id: string }) => id)).toEqual([bob.id, ada.id])
      expect(Object.keys(body.users[0])).toEqual(['id', 'username', 'displayName', 'createdAt'])
      expect((await users(newId())).body).toEqual({ users: [] })
    })

    test('as many as 100', async () => {
      const ids = [ada.id, ...Array.from({ length: 99 }, () => newId())]
      expect((await users(ids.join(','))).body.users).toHaveLength(1)
      expectRefusal(await users([...ids, newId()].join(',')), 400, 'validation_failed')
    })

    test('and show a deleted one as that, with no name of it', async () => {
      const { body } = await users(gone.id)
      const shown = { id: gone.id, username: '', displayName: 'Deleted user', createdAt: expect.any(String) }
      expect(body).toEqual({ users: [shown] })
      const room = await newRoom(app, ada)
      await say(database, room, gone.id, [BODY])
      for (const call of [`GET /rooms/${room}/messages`, 'GET /rooms']) {
        const answer = await ask(app, call, { as: ada })
        expect(answer.body.users[gone.id]).toEqual(shown)
        expect(JSON.stringify(answer.body)).not.toMatch(/Grace|u_01/)
      }
    })

    test.each([
      ['no ids', ''],
      ['an id that is none', 'ada'],
      ['an empty id', `${newId()},`],
      ['blanks', `${newId()},%20${newId()}`],
      ['lower case', newId().toLowerCase()],
      ['NUL', '%00'],
      ['ids repeated', `${newId()}&ids=${newId()}`],
      ['an unknown field', `${newId()}&all=1`],
    ])('not with %s', async (_, ids) => {
      expectRefusal(await users(ids), 400, 'validation_failed')
    })

    test('not without ids, and not by strangers', async () => {
      expectRefusal(await ask(app, 'GET /users', { as: ada }), 400, 'validation_failed')
      expectRefusal(await ask(app, `GET /users?ids=${ada.id}`), 401, 'unauthenticated')
    })
  })
})
