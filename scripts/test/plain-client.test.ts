import { BODY, PASSWORD, suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ENGINES, type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

// A client as somebody else would write it from the documents: Node's own WebSocket and fetch, and nothing of ours.
// biome-ignore lint/suspicious/noExplicitAny: what a stranger sees is JSON
type Json = Record<string, any>

const PATIENCE = { timeout: 20_000 }

class PlainClient {
  readonly frames: Json[] = []
  #api: string
  #session: Json = {}
  #socket: WebSocket | undefined
  closeCode: number | undefined

  constructor(api: string) {
    this.#api = api
  }

  get userId(): string {
    return this.#session.user.id
  }

  async call(method: string, path: string, body?: Json): Promise<Json> {
    const answer = await fetch(this.#api + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#session.accessToken === undefined
          ? {}
          : { authorization: `Bearer ${this.#session.accessToken}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, ...(text === '' ? {} : JSON.parse(text)) }
  }

  async logIn(path: '/auth/register' | '/auth/login' | '/auth/refresh', body: Json): Promise<Json> {
    this.#session = await this.call('POST', path, body)
    return this.#session
  }

  refresh(): Promise<Json> {
    return this.logIn('/auth/refresh', { refreshToken: this.#session.refreshToken })
  }

  logOut(): Promise<Json> {
    return this.call('POST', '/auth/logout', { refreshToken: this.#session.refreshToken })
  }

  async connect(): Promise<Json> {
    const { wsUrls } = await this.call('GET', '/config')
    this.frames.length = 0
    const socket = new WebSocket(wsUrls[0], ['roomlog.v1', `bearer.${this.#session.accessToken}`])
    this.#socket = socket
    socket.onmessage = ({ data }) => this.frames.push(JSON.parse(data))
    socket.onclose = ({ code }) => {
      this.closeCode = code
    }
    return this.frame('welcome')
  }

  send(frame: Json): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  close(): void {
    this.#socket?.close()
  }

  /** The latest frame of this type and these fields, when it is there. */
  async frame(type: string, fields: Json = {}): Promise<Json> {
    const fits = (frame: Json) =>
      frame.type === type && Object.entries(fields).every(([name, value]) => frame[name] === value)
    await expect.poll(() => this.frames.some(fits), PATIENCE).toBe(true)
    return this.frames.findLast(fits) ?? {}
  }

  seqs(roomId: string): number[] {
    return this.frames
      .filter((f) => f.type === 'newMessage' && f.message.roomId === roomId)
      .map((f) => f.message.seq)
  }
}

for (const engine of ENGINES) {
  suiteOn(engine.needs, `a client written from the documents alone, on the ${engine.name} engine`, () => {
    const resources = new AsyncDisposableStack()
    let roomlog: RunningRoomlog
    let ada: PlainClient
    let grace: PlainClient
    let roomId: string
    const run = crypto.randomUUID().slice(0, 8)

    beforeAll(async () => {
      const servers = resources.use(await engine.prepare())
      roomlog = resources.use(await startRoomlog({ env: servers.env }))
      ada = new PlainClient(roomlog.apiUrl)
      grace = new PlainClient(roomlog.apiUrl)
    })
    afterAll(() => {
      ada.close()
      grace.close()
      return resources.disposeAsync()
    })

    test('registers, logs in, refreshes', async () => {
      const registered = await ada.logIn('/auth/register', {
        username: `Ada_${run}`,
        password: PASSWORD,
        displayName: 'Ada',
      })
      expect(registered).toMatchObject({ status: 201, tokenType: 'Bearer', expiresIn: 900 })
      expect(registered.user).toMatchObject({ username: `ada_${run}`, displayName: 'Ada' })
      expect(await ada.logIn('/auth/login', { username: `ada_${run}`, password: PASSWORD })).toMatchObject({
        status: 200,
      })
      expect(await ada.refresh()).toMatchObject({ status: 200 })
      expect((await ada.call('GET', '/users/me')).user.displayName).toBe('Ada')
      await grace.logIn('/auth/register', { username: `grace_${run}`, password: PASSWORD })
      const wrong = await new PlainClient(roomlog.apiUrl).logIn('/auth/login', {
        username: `ada_${run}`,
        password: 'x',
      })
      expect([wrong.status, wrong.error.code]).toEqual([401, 'invalid_credentials'])
    })

    test('makes a room, finds it, joins it, sees who is there', async () => {
      roomId = (await ada.call('POST', '/rooms', { name: `Plain ${run}` })).room.id
      const found = await grace.call('GET', `/rooms/public?search=${encodeURIComponent(`plain ${run}`)}`)
      expect(found.rooms).toEqual([{ id: roomId, name: `Plain ${run}`, memberCount: 1 }])
      expect((await grace.call('GET', `/rooms/${roomId}/messages`)).error.code).toBe('not_a_member')
      expect(await grace.call('POST', `/rooms/${roomId}/join`)).toMatchObject({ status: 200, role: 'member' })
      const { members } = await grace.call('GET', `/rooms/${roomId}/members`)
      expect(members.map((m: Json) => [m.user.id, m.role]).toSorted()).toEqual(
        [
          [ada.userId, 'owner'],
          [grace.userId, 'member'],
        ].toSorted(),
      )
    })

    test('connects, joins, chats; every frame has its answer', async () => {
      for (const one of [ada, grace]) {
        expect(await one.connect()).toMatchObject({ userId: one.userId, heartbeatIntervalMs: 20_000 })
        one.send({ type: 'joinRoom', roomId, afterSeq: 0, ref: 'join' })
        expect(await one.frame('joinedRoom', { ref: 'join' })).toMatchObject({ roomId, recovered: true })
      }
      for (let i = 1; i <= 5; i += 1) {
        const [from, clientMsgId] = [i % 2 ? ada : grace, crypto.randomUUID()]
        from.send({ type: 'sendMessage', roomId, clientMsgId, body: `${BODY} ${i}` })
        expect(await from.frame('ack', { clientMsgId })).toMatchObject({ status: 'ACCEPTED' })
      }
      for (const one of [ada, grace])
        await expect.poll(() => one.seqs(roomId), PATIENCE).toEqual([1, 2, 3, 4, 5])
      grace.send({ type: 'heartbeat', ref: 'beat' })
      await grace.frame('heartbeatAck', { ref: 'beat' })
      ada.send({ type: 'typing', roomId, isTyping: true })
      expect(await grace.frame('typing')).toMatchObject({ roomId, userId: ada.userId, isTyping: true })
      ada.send({ type: 'joinRooms', rooms: [{ roomId: 'nonsense' }] })
      expect(await ada.frame('error')).toMatchObject({ code: 'validation_failed', retryable: false })
    })

    test('pages history both ways, and moves its read position', async () => {
      const page = await grace.call('GET', `/rooms/${roomId}/messages?before=4&limit=2`)
      expect([page.messages.map((m: Json) => m.seq), page.head, page.hasMore]).toEqual([[2, 3], 5, true])
      const next = await grace.call('GET', `/rooms/${roomId}/messages?after=${page.messages[1].id}`)
      expect([next.messages.map((m: Json) => m.seq), next.hasMore]).toEqual([[4, 5], false])
      expect((await grace.call('GET', '/rooms')).rooms[0]).toMatchObject({
        id: roomId,
        lastSeq: 5,
        unreadCount: 5,
      })
      const read = await grace.call('POST', `/rooms/${roomId}/read`, {
        lastReadMessageId: next.messages[0].id,
      })
      expect(read).toMatchObject({ status: 200, lastReadSeq: 4, unreadCount: 1 })
      expect(await ada.frame('readCursor')).toMatchObject({ roomId, userId: grace.userId, lastReadSeq: 4 })
    })

    test('loses its connection, and resumes without a gap or a repeat', async () => {
      const last = grace.seqs(roomId).at(-1)
      grace.close()
      const clientMsgId = crypto.randomUUID()
      ada.send({ type: 'sendMessage', roomId, clientMsgId, body: 'while you were away' })
      await ada.frame('ack', { clientMsgId })
      await expect.poll(() => ada.seqs(roomId).at(-1), PATIENCE).toBe(6)
      ada.send({ type: 'sendMessage', roomId, clientMsgId, body: 'while you were away', repeat: true })
      expect(await ada.frame('ack', { clientMsgId, seq: 6 })).toMatchObject({ status: 'ACCEPTED' })
      await grace.connect()
      grace.send({ type: 'joinRoom', roomId, afterSeq: last })
      await expect.poll(() => grace.seqs(roomId), PATIENCE).toEqual([6])
    })

    test('is removed: told at once, and nothing of the room follows', async () => {
      expect(await ada.call('DELETE', `/rooms/${roomId}/members/${grace.userId}`)).toMatchObject({
        status: 204,
      })
      await grace.frame('removedFromRoom', { roomId })
      ada.send({ type: 'sendMessage', roomId, clientMsgId: crypto.randomUUID(), body: 'without you' })
      await expect.poll(() => ada.seqs(roomId).at(-1), PATIENCE).toBe(7)
      const clientMsgId = crypto.randomUUID()
      grace.send({ type: 'sendMessage', roomId, clientMsgId, body: 'let me in' })
      expect(await grace.frame('ack', { clientMsgId })).toMatchObject({
        status: 'FAILED',
        code: 'not_a_member',
      })
      expect(grace.seqs(roomId)).toEqual([6])
      expect((await grace.call('POST', `/rooms/${roomId}/join`)).error.code).toBe('forbidden')
      await ada.call('POST', `/rooms/${roomId}/members`, { username: `grace_${run}` })
      await grace.frame('roomAdded', { roomId })
      grace.send({ type: 'joinRoom', roomId, afterSeq: 6 })
      await expect.poll(() => grace.seqs(roomId), PATIENCE).toEqual([6, 7])
    })

    test('leaves, and logs out', async () => {
      grace.send({ type: 'leaveRoom', roomId })
      await grace.frame('leftRoom', { roomId })
      expect(await grace.call('DELETE', `/rooms/${roomId}/members/me`)).toMatchObject({ status: 204 })
      expect(await grace.logOut()).toMatchObject({ status: 204 })
      await expect.poll(() => grace.closeCode, PATIENCE).toBe(4401)
      expect((await grace.refresh()).error.code).toBe('unauthenticated')
    })
  })
}
