import { Agent } from 'node:http'
import { newId, publicRoomsCursor } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { FUZZ_RUNS, modelRuns } from '@roomlog/testkit/model-runs'
import argon2 from 'argon2'
import { asyncProperty, assert as check } from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterAll, expect, test } from 'vitest'
import { startSession } from '../src/accounts/sessions.ts'
import { documentedPaths, judge, send } from './contract.ts'
import { casesOf, type Operation } from './openapi-cases.ts'
import type { World } from './openapi-values.ts'
import { ask, listen, newPerson, newRoom, PASSWORD, say, type TestDatabase, withApi } from './support.ts'

/** Requests to all routes together; `-t` and a route's name for those to one. */
const { numRuns, ...replayed } = modelRuns(FUZZ_RUNS)
const isLong = numRuns > FUZZ_RUNS

const REGISTRATION = 'POST /auth/register'
const NEWCOMERS = Array.from({ length: 40 }, (_, i) => `newcomer_${i}`)

const paths = await documentedPaths()
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(
    ([method, operation]) => [`${method.toUpperCase()} ${path}`, method, path, operation] as const,
  ),
)

/** Of each route; fewer where passwords are hashed, which is slow by intent. */
const RUNS = Math.ceil((1.5 * numRuns) / operations.length)
const HASHING_RUNS = Math.ceil(RUNS * 0.4)
/** One request at a time, each of which may hash twice. */
const TIMEOUT_MS = 20_000 + RUNS * 200

suiteOn(['postgres'], 'whatever is asked, the api answers as its documents say', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let origin: string
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const seen = new Map<string, Map<number, number>>()

  withApi(async (api) => {
    ;({ database, app } = api)
    origin = await listen(app)
  })
  afterAll(async () => {
    agent.destroy()
    if (isLong) process.stdout.write(tableOf(seen))
  })

  test.each(operations)(
    '%s',
    async (name, method, path, operation: Operation) => {
      const statuses = new Map<number, number>()
      seen.set(name, statuses)
      const world = await newWorld(app, database)
      const known = name === REGISTRATION ? withNewcomers(world) : world
      const cases = casesOf(method.toUpperCase(), path, operation, known)
      const answersByContract = asyncProperty(cases, async (asked) => {
        const answer = await send(origin, agent, asked)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        judge(paths, asked, answer)
      })
      await check(answersByContract, {
        numRuns: hashes(operation) ? HASHING_RUNS : RUNS,
        ...replayed,
      })
      // Otherwise only its first check was asked.
      expect([...statuses.keys()].filter((status) => status < 300)).not.toEqual([])
      expect((await ask(app, 'GET /health')).status).toBe(200)
    },
    TIMEOUT_MS,
  )
})

function hashes({ requestBody }: Operation): boolean {
  const fields = requestBody?.content['application/json']?.schema.properties ?? {}
  return Object.keys(fields).some((name) => /password/i.test(name))
}

/** People with a password and sessions; rooms of every kind, with messages and members; the same each time but for ids. */
async function newWorld(app: FastifyInstance, database: TestDatabase): Promise<World> {
  const { db } = database.admin
  const [ada, bob] = [await newPerson(app, database), await newPerson(app, database)]
  const others = await Promise.all(Array.from({ length: 6 }, () => newPerson(app, database)))
  const people = [ada, bob, ...others]
  const ids = people.map(({ id }) => id)
  const password_hash = await argon2.hash(PASSWORD)
  await db.updateTable('chat.users').set({ password_hash }).where('id', 'in', ids).execute()
  const shared = [
    await newRoom(app, ada),
    await newRoom(app, ada, { visibility: 'private' }),
    await newRoom(app, ada, { name: 'Room' }),
  ]
  const rooms = [
    ...shared,
    await newRoom(app, bob, { name: 'Bob’s' }),
    await newRoom(app, bob, { visibility: 'private' }),
  ]
  const members = shared.flatMap((room_id) =>
    [bob, ...others].map(({ id }) => ({ room_id, user_id: id, role: 'member' as const })),
  )
  await db.insertInto('chat.room_members').values(members).execute()
  await db.updateTable('chat.rooms').set({ member_count: people.length }).where('id', 'in', shared).execute()
  const messages = [
    ...(await say(database, shared[0] ?? '', ada.id, ['one', 'two', '🧑‍🚀 three'])),
    ...(await say(database, shared[1] ?? '', bob.id, ['four'])),
  ]
  const sessions = people.map(({ id }) => startSession(db, id, 1000))
  const refreshToken = (await Promise.all(sessions)).map((session) => session.refreshToken)
  const usernames = people.map(({ username }) => username)
  const passwords = [PASSWORD, PASSWORD, PASSWORD, 'another password']
  const cursors = [...messages, '0', '1', '2', '99']
  const tokens = [ada, ada, ada, ...people].map(({ token }) => `Bearer ${token}`)
  return {
    known: {
      roomId: [...rooms, ...rooms, newId()],
      userId: [...ids, 'me', newId()],
      ids: [...ids, ids.join(','), newId()],
      username: usernames,
      password: passwords,
      currentPassword: passwords,
      newPassword: passwords,
      refreshToken,
      lastReadMessageId: messages,
      before: cursors,
      after: cursors,
      limit: ['1', '2', '50', '100'],
      search: ['', 'r', 'ROOM', 'Bob'],
      cursor: [...rooms, ...ids, publicRoomsCursor({ id: rooms[0] ?? '', name: 'room' })],
      name: ['room', ' room ', 'R'],
      displayName: ['Ada', ' Ada '],
    },
    tokens: [...tokens, `bearer ${ada.token}`],
    brokenTokens: brokenTokens(ada.token),
  }
}

/** What exists is refused there: one run in twelve was left without anybody who got in. */
function withNewcomers(world: World): World {
  const { username = [] } = world.known
  return { ...world, known: { ...world.known, username: [...username, ...NEWCOMERS] } }
}

function brokenTokens(token: string): readonly string[] {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
  return [
    ...[
      '',
      'Bearer',
      'Bearer ',
      'Bearer x',
      'Bearer ..',
      'Bearer \xff',
      'Basic YTpi',
      token,
      `Bearer  ${token}`,
    ],
    ...[`Bearer ${token}x`, `Bearer ${token} x`, `Bearer ${none}.${claims}.`, `Bearer ${header}.${claims}.`],
    `Bearer ${header}.${Buffer.from('{}').toString('base64url')}.${signature}`,
    `Bearer ${'x'.repeat(9000)}`,
  ]
}

function tableOf(seen: ReadonlyMap<string, ReadonlyMap<number, number>>): string {
  const lines = [...seen].map(([name, statuses]) => {
    const counts = [...statuses].toSorted(([a], [b]) => a - b).map(([status, n]) => `${status}×${n}`)
    return `${name} | ${[...statuses.values()].reduce((sum, n) => sum + n, 0)} | ${counts.join(' ')}`
  })
  return `${lines.join('\n')}\n`
}
