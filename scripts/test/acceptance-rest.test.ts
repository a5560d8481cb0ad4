import { spawn } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { BODY, freePort, PASSWORD, suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keysIn } from '../start/keys.ts'
import {
  call,
  type Json,
  messagesOf,
  PATIENCE,
  send,
  startWorld,
  uniqueName,
  upTo,
  type World,
} from './acceptance-world.ts'
import { ENGINES, ROOT } from './running-roomlog.ts'

const PAGE = 50

for (const engine of ENGINES) {
  suiteOn(engine.needs, `acceptance over REST, on the ${engine.name} engine`, () => {
    const resources = new AsyncDisposableStack()
    let world: World
    let post: (path: string, body: object, token?: string) => ReturnType<typeof call>

    beforeAll(async () => {
      world = resources.use(await startWorld(engine))
      post = (path, body, token) => call(world.roomlog.apiUrl, 'POST', path, body, token)
    })
    afterAll(() => resources.disposeAsync())

    test('register 201', async () => {
      const username = uniqueName('ada')
      const { status, body } = await post('/auth/register', { username, password: PASSWORD })
      expect(status).toBe(201)
      expect(body).toMatchObject({ tokenType: 'Bearer', user: { username } })
      expect(JSON.stringify(body)).not.toContain(PASSWORD)
      const again = await post('/auth/register', { username, password: PASSWORD })
      expect([again.status, again.body.error.code]).toEqual([409, 'username_taken'])
    })

    test('login returns a JWT', async () => {
      const { session } = await world.register('ada')
      const { status, body } = await post('/auth/login', {
        username: session.user.username,
        password: PASSWORD,
      })
      expect(status).toBe(200)
      const [head, claims, signature = ''] = body.accessToken.split('.')
      expect(decode(head)).toMatchObject({ alg: 'EdDSA' })
      const { sub, iat, exp } = decode(claims)
      expect([sub, exp - iat]).toEqual([session.user.id, body.expiresIn])
      const { JWT_PUBLIC_KEYS } = await keysIn(world.roomlog.dataFolder)
      const isGenuine = JSON.parse(JWT_PUBLIC_KEYS).some((jwk: Json) =>
        verify(
          null,
          Buffer.from(`${head}.${claims}`),
          createPublicKey({ key: { ...jwk }, format: 'jwk' }),
          Buffer.from(signature, 'base64url'),
        ),
      )
      expect(isGenuine).toBe(true)
      const wrong = await post('/auth/login', { username: session.user.username, password: 'x' })
      expect([wrong.status, wrong.body.error.code]).toEqual([401, 'invalid_credentials'])
    })

    test('bad input 400', async () => {
      const ada = await world.register('ada')
      const bad = [
        await post('/auth/register', { username: 'a', password: PASSWORD }),
        await post('/auth/register', { username: uniqueName('ada'), password: 'short' }),
        await post('/auth/register', { username: uniqueName('ada'), password: PASSWORD, more: 1 }),
        await post('/auth/login', { username: 'ada' }),
        await ada.call('POST', '/rooms', { name: ' ' }),
        await ada.call('POST', '/rooms/nonsense/join'),
      ]
      for (const { status, body } of bad)
        expect([status, body.error.code]).toEqual([400, 'validation_failed'])
    })

    test('unauthenticated 401', async () => {
      const ada = await world.register('ada')
      const roomId = await ada.newRoom()
      const room = `/rooms/${roomId}`
      const calls = [
        ['GET', '/users/me'],
        ['POST', '/rooms'],
        ['GET', '/rooms'],
        ['POST', `${room}/join`],
        ['GET', `${room}/members`],
        ['GET', `${room}/messages`],
        ['POST', `${room}/read`],
      ] as const
      for (const [method, path] of calls) {
        for (const token of [undefined, 'nonsense', `${ada.session.accessToken}x`]) {
          const { status, body } = await call(world.roomlog.apiUrl, method, path, undefined, token)
          expect([method, path, status, body.error.code]).toEqual([method, path, 401, 'unauthenticated'])
        }
      }
    })

    test('rooms are created, joined, listed, and show their members', async () => {
      const [ada, grace] = [await world.register('ada'), await world.register('grace')]
      const made = await ada.call('POST', '/rooms', { name: 'Engines' })
      expect(made.status).toBe(201)
      expect(made.body.room).toMatchObject({ name: 'Engines', role: 'owner', memberCount: 1 })
      const { id } = made.body.room
      expect((await grace.call('GET', '/rooms')).body.rooms).toEqual([])
      const joined = await grace.call('POST', `/rooms/${id}/join`)
      expect(joined).toMatchObject({ status: 200, body: { role: 'member', room: { id, memberCount: 2 } } })
      expect((await grace.call('GET', '/rooms')).body.rooms).toMatchObject([{ id, role: 'member' }])
      const { status, body } = await ada.call('GET', `/rooms/${id}/members`)
      expect(status).toBe(200)
      expect(new Map(body.members.map((m: Json) => [m.user.id, m.role]))).toEqual(
        new Map([
          [ada.id, 'owner'],
          [grace.id, 'member'],
        ]),
      )
    })

    const onFull = engine.name === 'full'
    test.each([
      ['api', ['DATABASE_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS', ...(onFull ? ['REDIS_URL'] : [])]],
      ['ws-edge', ['DATABASE_URL', 'JWT_PUBLIC_KEYS', ...(onFull ? ['KAFKA_BROKERS', 'REDIS_URL'] : [])]],
      ['persister', ['DATABASE_URL', ...(onFull ? ['KAFKA_BROKERS'] : [])]],
    ])('settings missing: the start of %s fails with a clear message', async (service, missing) => {
      const port = await freePort()
      const child = spawn(process.execPath, [join(ROOT, 'services', service, 'src/main.ts')], {
        env: { PATH: process.env.PATH ?? '', ENGINE: engine.name, PORT: String(port) },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const output = { out: '', err: '' }
      child.stdout.on('data', (text) => {
        output.out += text
      })
      child.stderr.on('data', (text) => {
        output.err += text
      })
      const [code] = await once(child, 'close')
      expect(code).toBe(1)
      // One message, a line for each problem, and not a word of a server that listens.
      const [head, ...lines] = output.err.trimEnd().split('\n')
      expect(head).toBe(`${service}: invalid settings:`)
      const named = lines.map((line) => /^ {2}([A-Z_]+): is required/.exec(line)?.[1] ?? line)
      expect(named.toSorted()).toEqual(missing.toSorted())
      expect(output.out).toBe('')
    })

    test('health 200', async () => {
      const checks: Json = {
        embedded: { api: ['database'], 'ws-edge': ['database'], persister: ['database'] },
        full: {
          api: ['database', 'redis'],
          'ws-edge': ['database', 'kafka', 'redis'],
          persister: ['database', 'kafka'],
        },
      }[engine.name]
      for (const { name, port } of (await world.roomlog.state()).services) {
        const { status, body } = await call(`http://localhost:${port}`, 'GET', '/health')
        const wanted = Object.fromEntries(checks[name].map((check: string) => [check, 'ok']))
        expect([name, status, body]).toEqual([name, 200, { status: 'ok', checks: wanted }])
      }
    })

    test('history: `before` pages of 50 into the past, `after` gives what was missed', async () => {
      const ada = await world.register('ada')
      const roomId = await ada.newRoom()
      await using client = await ada.connect(roomId)
      const last = 2 * PAGE + 20
      for (const n of upTo(last)) await send(client, roomId, `${BODY} ${n}`)
      await expect.poll(() => messagesOf(client, roomId).length, PATIENCE).toBe(last)
      const page = async (query: string) => (await ada.call('GET', `/rooms/${roomId}/messages${query}`)).body
      const seqs = ({ messages }: Json) => messages.map(({ seq }: Json) => seq)

      const newest = await page('')
      expect([seqs(newest), newest.head, newest.hasMore]).toEqual([upTo(last, last - PAGE + 1), last, true])
      const older = await page(`?before=${newest.messages[0].id}`)
      expect([seqs(older), older.hasMore]).toEqual([upTo(last - PAGE, last - 2 * PAGE + 1), true])
      const oldest = await page(`?before=${older.messages[0].seq}`)
      expect([seqs(oldest), oldest.hasMore]).toEqual([upTo(last - 2 * PAGE), false])
      expect(seqs(await page('?before=1'))).toEqual([])

      const missed = await page(`?after=${oldest.messages[0].id}`)
      expect([seqs(missed), missed.hasMore]).toEqual([upTo(PAGE + 1, 2), true])
      const rest = await page(`?after=${last - 3}`)
      expect([seqs(rest), rest.hasMore]).toEqual([upTo(last, last - 2), false])
      expect(seqs(await page(`?after=${last}`))).toEqual([])
      expect(rest.messages.map(({ body }: Json) => body)).toEqual(
        upTo(last, last - 2).map((n) => `${BODY} ${n}`),
      )
    })

    test('read cursor', async () => {
      const [ada, grace] = [await world.register('ada'), await world.register('grace')]
      const roomId = await ada.newRoom(grace)
      await using client = await ada.connect(roomId)
      for (const n of upTo(3)) await send(client, roomId, `${BODY} ${n}`)
      await expect.poll(() => messagesOf(client, roomId).length, PATIENCE).toBe(3)
      const [first, second] = messagesOf(client, roomId)
      const read = async (message: Json | undefined) =>
        (await grace.call('POST', `/rooms/${roomId}/read`, { lastReadMessageId: message?.id })).body
      const position = { lastReadMessageId: second?.id, lastReadSeq: 2, unreadCount: 1 }
      expect(await read(second)).toEqual(position)
      // It never moves back.
      expect(await read(first)).toEqual(position)
      const { rooms } = (await grace.call('GET', '/rooms')).body
      expect(rooms).toMatchObject([{ id: roomId, lastReadSeq: 2, unreadCount: 1 }])
      expect(await client.next('readCursor')).toMatchObject({ roomId, userId: grace.id, lastReadSeq: 2 })
    })

    test('non-member history 403', async () => {
      const [ada, grace] = [await world.register('ada'), await world.register('grace')]
      const roomId = await ada.newRoom()
      const { status, body } = await grace.call('GET', `/rooms/${roomId}/messages`)
      expect([status, body.error.code]).toEqual([403, 'not_a_member'])
    })
  })
}

function decode(part: string): Json {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}
