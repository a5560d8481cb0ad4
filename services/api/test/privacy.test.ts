import { createHash } from 'node:crypto'
import { Writable } from 'node:stream'
import { connectLive } from '@roomlog/live'
import { type ExportLine, newId } from '@roomlog/protocol'
import { createLogger } from '@roomlog/service-kit'
import { type DependencyKind, redis, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  ask,
  configFor,
  newPerson,
  newRoom,
  type Person,
  say,
  silent,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

const PASSWORD = 'canary-password-c0ffee'
const DISPLAY_NAME = 'Canary of a display name'
const SOCKET_TTL_MS = 500

const NEEDS: Readonly<Record<'embedded' | 'full', readonly DependencyKind[]>> = {
  embedded: ['postgres'],
  full: ['postgres', 'redis'],
}

/** Where a user's id is kept, how an export has it, and whether it stays after the account. */
const ID_COLUMNS: Readonly<
  Record<string, { readonly exported: ExportLine['type'] | null; readonly stays: boolean }>
> = {
  'chat.users.id': { exported: 'account', stays: true },
  'chat.messages.sender_id': { exported: 'message', stays: true },
  'chat.room_members.user_id': { exported: 'membership', stays: false },
  'chat.room_bans.user_id': { exported: 'removal', stays: false },
  // Ended, until `npm run retention` removes them.
  'chat.refresh_families.user_id': { exported: 'session', stays: true },
  // Where to look for messages, which are in the export themselves.
  'chat.past_members.user_id': { exported: null, stays: true },
}

for (const engine of ['embedded', 'full'] as const) {
  suiteOn(NEEDS[engine], `what is known of a user, on the ${engine} engine`, () => {
    const resources = new AsyncDisposableStack()
    let database: TestDatabase
    let app: FastifyInstance
    let owner: Person
    let user: Person
    let rooms: readonly string[]
    /** Of Redis. */
    let contents: () => Promise<readonly string[]>
    /** As an edge looks who is offline. */
    let look: () => Promise<void>
    /** By what each is. */
    let secrets: Readonly<Record<string, string>>
    let written = ''

    beforeAll(async () => {
      database = resources.use(await testDatabase())
      const server = engine === 'full' ? resources.use(await redis()) : undefined
      const { url: REDIS_URL = '', namespace: NAMESPACE = '' } = server ?? {}
      const settings = { ENGINE: engine, NAMESPACE, ...(server === undefined ? {} : { REDIS_URL }) }
      const to = new Writable({
        write: (chunk, _encoding, done) => {
          written += String(chunk)
          done()
        },
      })
      app = await startApi(configFor(database.url, settings), {
        log: createLogger({ name: 'api', level: 'trace', to }),
      })
      resources.defer(() => app.close())
      contents = server?.contents ?? (async () => [])
      owner = await newPerson(app, database)
      await live(REDIS_URL, NAMESPACE)
    })
    afterAll(() => resources.disposeAsync())

    /** A life: two sessions, a socket, rooms that were left, and one that the user was put out of. */
    async function live(redisUrl: string, namespace: string): Promise<void> {
      const username = `canary_${newId().slice(-12).toLowerCase()}`
      const account = { username, password: PASSWORD }
      const { body } = await ask(app, 'POST /auth/register', { body: account })
      user = { id: body.user.id, username, token: body.accessToken }
      await ask(app, 'PATCH /users/me', { as: user, body: { displayName: DISPLAY_NAME } })
      const again = (await ask(app, 'POST /auth/login', { body: account })).body
      const { body: refreshed } = await ask(app, 'POST /auth/refresh', {
        body: { refreshToken: again.refreshToken },
      })
      rooms = await Promise.all(Array.from({ length: 3 }, () => newRoom(app, owner)))
      for (const room of rooms) {
        await ask(app, `POST /rooms/${room}/join`, { as: user })
        const [said] = await say(database, room, user.id, ['said by the user'])
        await ask(app, `POST /rooms/${room}/read`, { as: user, body: { lastReadMessageId: said ?? '' } })
      }
      await ask(app, `DELETE /rooms/${rooms[0]}/members/me`, { as: user })
      await ask(app, `DELETE /rooms/${rooms[1]}/members/${user.id}`, { as: owner })
      await beOnline(redisUrl, namespace)
      const { password_hash } = await database.admin.db
        .selectFrom('chat.users')
        .select('password_hash')
        .where('id', '=', user.id)
        .executeTakeFirstOrThrow()
      const tokens = [body.refreshToken, again.refreshToken, refreshed.refreshToken]
      secrets = {
        username,
        'display name': DISPLAY_NAME,
        password: PASSWORD,
        'password hash': password_hash ?? expect.fail(),
        'access token': user.token,
        ...Object.fromEntries(tokens.map((token, i) => [`refresh token ${i}`, token])),
        ...Object.fromEntries(tokens.map((token, i) => [`hash of refresh token ${i}`, sha256(token)])),
      }
    }

    /** As an edge tells of it: the socket is there, and then it is gone. */
    async function beOnline(redisUrl: string, namespace: string): Promise<void> {
      const times = { socketTtlMs: SOCKET_TTL_MS, graceMs: 1 }
      const presence = connectLive({ engine, namespace, redisUrl, database: database.admin, times }, silent)
      const sockets = [{ userId: user.id, socketId: newId() }]
      const roomsOf = async () => new Map([[user.id, rooms]])
      await vi.waitFor(() => presence.ping(), 5000)
      await presence.presence.connected(sockets, roomsOf)
      await presence.presence.disconnected(sockets)
      resources.defer(async () => presence.close())
      look = () => presence.presence.announceDue(roomsOf)
    }

    /** Every value of every column of every table that satisfies `isWanted`, as `table.column`, with how often. */
    async function columnsWith(
      isWanted: (value: string) => boolean,
    ): Promise<Readonly<Record<string, number>>> {
      const tables = await sql<{ name: string }>`
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`.execute(database.admin.db)
      const found: Record<string, number> = {}
      for (const { name } of tables.rows) {
        const { rows } = await sql<{ row: Readonly<Record<string, unknown>> }>`
          SELECT to_jsonb(t) AS row FROM ${sql.table(name)} t`.execute(database.admin.db)
        for (const [column, value] of rows.flatMap(({ row }) => Object.entries(row))) {
          const text = typeof value === 'string' ? value : JSON.stringify(value)
          if (isWanted(text)) found[`${name}.${column}`] = (found[`${name}.${column}`] ?? 0) + 1
        }
      }
      return found
    }

    test('is in their export, every row', async () => {
      const { body } = await ask(app, 'GET /users/me/export', { as: user })
      const lines = String(body)
        .trim()
        .split('\n')
        .map((line): ExportLine => JSON.parse(line))
      let rows: Readonly<Record<string, number>> = {}
      await expect
        .poll(async () => {
          // Presence is none any more.
          await look()
          rows = await columnsWith((value) => value.includes(user.id))
          return Object.keys(rows).toSorted()
        })
        .toEqual(Object.keys(ID_COLUMNS).toSorted())
      for (const [column, count] of Object.entries(rows)) {
        const type = ID_COLUMNS[column]?.exported
        const told = lines.filter((line) => line.type === type)
        if (type !== null) expect([column, told.length]).toEqual([column, count])
      }
      const types = Object.values(ID_COLUMNS).flatMap(({ exported }) => exported ?? [])
      expect([...new Set(lines.map(({ type }) => type))].toSorted()).toEqual(types.toSorted())
      for (const [what, secret] of Object.entries(secrets)) {
        const isTold = what === 'username' || what === 'display name'
        expect([what, String(body).includes(secret)]).toEqual([what, isTold])
      }
    })

    test('is gone with the account, but for what is said to stay', async () => {
      const gone = await ask(app, 'DELETE /users/me', { as: user, body: { password: PASSWORD } })
      expect(gone.status).toBe(204)
      const left: Record<string, readonly string[]> = {}
      for (const [what, secret] of Object.entries(secrets)) {
        left[what] = Object.keys(await columnsWith((value) => value.includes(secret)))
      }
      const hashes = Object.keys(secrets).filter((what) => what.startsWith('hash of'))
      expect(Object.fromEntries(Object.entries(left).filter(([, columns]) => columns.length > 0))).toEqual({
        // Never given again.
        username: ['chat.users.username'],
        ...Object.fromEntries(hashes.map((what) => [what, ['chat.refresh_tokens.hash']])),
      })
      const stays = Object.entries(ID_COLUMNS).flatMap(([column, { stays }]) => (stays ? [column] : []))
      const ids = await columnsWith((value) => value.includes(user.id))
      expect(Object.keys(ids).toSorted()).toEqual(stays.toSorted())
    })

    test('is nowhere in Redis', async () => {
      for (const entry of await contents()) {
        for (const secret of [user.id, ...Object.values(secrets)]) expect(entry).not.toContain(secret)
      }
    })

    test('is in the log by the user’s id alone', async () => {
      expect(written).toContain(user.id)
      for (const [what, secret] of Object.entries(secrets)) {
        expect([what, written.includes(secret)]).toEqual([what, false])
      }
    })
  })
}

/** As PostgreSQL writes it. */
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
