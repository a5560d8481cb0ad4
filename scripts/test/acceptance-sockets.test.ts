import { once } from 'node:events'
import { encodeCreated } from '@roomlog/events'
import { CLOSE_CODES, newId } from '@roomlog/protocol'
import { BODY, faultProxy, suiteOn, testClient } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  edgeGroup,
  messagesOf,
  PATIENCE,
  partitionOfRoom,
  rowsOf,
  type Somebody,
  send,
  startWorld,
  type World,
} from './acceptance-world.ts'
import { ENGINES } from './running-roomlog.ts'
import { endByDeletion, endByLogout, endByPassword, endByReuse } from './session-ends.ts'

const MISSED = 20
/** From the answer to who ended a session. */
const CLOSED_WITHIN_MS = 5_000

for (const engine of ENGINES) {
  suiteOn(engine.needs, `acceptance over WebSocket, on the ${engine.name} engine`, () => {
    const resources = new AsyncDisposableStack()
    let world: World
    let ada: Somebody
    let grace: Somebody
    let stranger: Somebody
    let roomId: string

    beforeAll(async () => {
      world = resources.use(await startWorld(engine))
      ada = await world.register('ada')
      grace = await world.register('grace')
      stranger = await world.register('stranger')
      roomId = await ada.newRoom(grace)
    })
    afterAll(() => resources.disposeAsync())

    test('a valid JWT connects', async () => {
      const { accessToken } = ada.session
      const ways = [{ token: accessToken }, { headers: { authorization: `Bearer ${accessToken}` } }]
      for (const way of ways) {
        await using client = await testClient(world.roomlog.wsUrl, way)
        expect(await client.next('welcome')).toMatchObject({ userId: ada.id })
        client.send({ type: 'heartbeat', ref: 'alive' })
        expect(await client.next('heartbeatAck')).toMatchObject({ ref: 'alive' })
      }
    })

    test('a bad JWT or none is disconnected at once', async () => {
      const { accessToken, refreshToken } = ada.session
      const [head, claims] = accessToken.split('.')
      const forged = `${head}.${claims}.${Buffer.alloc(64).toString('base64url')}`
      for (const token of [undefined, 'nonsense', forged, refreshToken]) {
        const client = await testClient(world.roomlog.wsUrl, token === undefined ? {} : { token })
        expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
        expect(client.frames).toEqual([])
      }
    })

    test('joinRoom by a non-member is an error', async () => {
      await using client = await stranger.connect()
      client.send({ type: 'joinRoom', roomId, afterSeq: 0, ref: 'join' })
      expect(await client.next('error')).toMatchObject({ code: 'not_a_member', roomId, ref: 'join' })
      await using member = await ada.connect(roomId)
      await send(member, roomId, 'among members')
      await expect.poll(() => messagesOf(member, roomId).length, PATIENCE).toBe(1)
      // Answered after the message was told: had it been for the stranger too, it would be here.
      client.send({ type: 'heartbeat' })
      await client.next('heartbeatAck')
      expect(messagesOf(client, roomId)).toEqual([])
    })

    test("a non-member's send is an error", async () => {
      const partition = partitionOfRoom(roomId)
      const before = await world.positions.end('created', partition)
      await using client = await stranger.connect()
      expect(await send(client, roomId, 'let me in')).toMatchObject({
        status: 'FAILED',
        code: 'not_a_member',
        retryable: false,
      })
      expect(await world.positions.end('created', partition)).toBe(before)
    })

    test('all online members get newMessage, the sender too', async () => {
      await using desk = await ada.connect(roomId)
      await using phone = await ada.connect(roomId)
      await using other = await grace.connect(roomId)
      const ack = await send(desk, roomId, 'to all')
      expect(ack.status).toBe('ACCEPTED')
      for (const client of [desk, phone, other]) {
        const { message } = await client.next('newMessage')
        expect(message).toMatchObject({
          roomId,
          senderId: ada.id,
          clientMsgId: ack.clientMsgId,
          body: 'to all',
          kind: 'message',
        })
      }
      expect(messagesOf(desk, roomId)).toEqual(messagesOf(other, roomId))
    })

    test('two users chat end to end', async () => {
      const own = await ada.newRoom(grace)
      await using one = await ada.connect(own)
      await using two = await grace.connect(own)
      const said = [BODY, `${BODY} to you`, 'how are you?', 'well, thank you']
      for (const [turn, body] of said.entries()) {
        const [from, to] = turn % 2 === 0 ? [one, two] : [two, one]
        expect(await send(from, own, body)).toMatchObject({ status: 'ACCEPTED' })
        // Who is spoken to answers once they have heard it.
        expect((await to.next(({ message }) => Object(message).body === body)).message).toMatchObject({
          seq: turn + 1,
        })
      }
      await expect.poll(() => messagesOf(one, own).length, PATIENCE).toBe(said.length)
      const { messages, head } = (await grace.call('GET', `/rooms/${own}/messages`)).body
      expect(messages.map(({ body }: { body: string }) => body)).toEqual(said)
      expect(head).toBe(said.length)
      for (const client of [one, two]) expect(messagesOf(client, own)).toEqual(messages)
    })

    test.each([
      ['as a repeat', { repeat: true }],
      ['without saying so', {}],
    ])('cut before the ACK and resent %s → one row', async (_how, more) => {
      const own = await ada.newRoom(grace)
      await using proxy = await faultProxy(world.roomlog.wsUrl)
      await using hearer = await grace.connect(own)
      await using cut = await ada.connect(own, proxy.url)
      const sending = { clientMsgId: crypto.randomUUID(), ...more }
      proxy.mute()
      cut.send({ type: 'sendMessage', roomId: own, body: 'once', clientMsgId: sending.clientMsgId })
      await expect.poll(async () => (await rowsOf(world, own)).length, PATIENCE).toBe(1)
      proxy.cut()
      await cut.closed
      expect(cut.frames.some(({ type }) => type === 'ack')).toBe(false)
      proxy.heal()
      await using again = await ada.connect(own, proxy.url)
      expect(await send(again, own, 'once', sending)).toMatchObject({
        status: 'ACCEPTED',
        clientMsgId: sending.clientMsgId,
      })
      await send(again, own, 'after')
      await expect.poll(async () => (await rowsOf(world, own)).length, PATIENCE).toBe(2)
      expect((await rowsOf(world, own)).map(({ body }) => body)).toEqual(['once', 'after'])
      await expect.poll(() => messagesOf(hearer, own).map(({ body }) => body)).toEqual(['once', 'after'])
    })

    test.each([
      ['logging out', 'unauthenticated', endByLogout],
      ['a refresh token that is used again', 'unauthenticated', endByReuse],
      ['another password', 'unauthenticated', endByPassword],
      ['the end of the account', 'accountDeleted', endByDeletion],
    ] as const)('%s closes the sockets of who it ends, and no others', async (_, reason, end) => {
      const guest = await world.register('guest')
      const sockets = [await guest.connect(), await guest.connect()]
      await using other = await ada.connect()
      await end(guest)
      const codes = Promise.all(sockets.map(async ({ closed }) => (await closed).code))
      const late = AbortSignal.timeout(CLOSED_WITHIN_MS)
      const tooLate = once(late, 'abort').then(() => 'open')
      expect(await Promise.race([codes, tooLate])).toEqual(sockets.map(() => CLOSE_CODES[reason].code))
      other.send({ type: 'heartbeat', ref: 'alive' })
      expect(await other.next('heartbeatAck')).toMatchObject({ ref: 'alive' })
    })

    test('SIGTERM closes open sockets', async () => {
      const clients = [await ada.connect(roomId), await grace.connect()]
      using stopped = await world.stopService('ws-edge')
      for (const client of clients) {
        await client.next('draining')
        expect(await client.closed).toEqual({ code: 1012, reason: 'restart' })
      }
      await stopped.again()
    })

    test("edge restart resumes from the group's offset", async () => {
      const own = await ada.newRoom(grace)
      const [group, partition] = [await edgeGroup(world), partitionOfRoom(own)]
      const end = () => world.positions.end('persisted', partition)
      const committed = () => world.positions.committed(group, 'persisted', partition)
      {
        await using client = await ada.connect(own)
        await send(client, own, 'before')
        await client.next('newMessage')
      }
      using stopped = await world.stopService('ws-edge')
      await stopped.ended
      // A clean leave commits all that was handed over.
      const left = await end()
      expect(await committed()).toBe(left)

      // As another edge would have accepted them meanwhile.
      await appendCreated(world, own, ada.id, MISSED)
      await expect.poll(async () => (await rowsOf(world, own)).length, PATIENCE).toBe(1 + MISSED)
      await expect.poll(end, PATIENCE).toBe(left + MISSED)
      expect(await committed()).toBe(left)

      // Nothing comes after the restart: only what it missed can move its position. One that went on from the end would
      // have nothing to commit.
      await stopped.again()
      await expect.poll(committed, PATIENCE).toBe(left + MISSED)
      await using client = await grace.connect()
      client.send({ type: 'joinRoom', roomId: own, afterSeq: 1 })
      await expect.poll(() => messagesOf(client, own).length, PATIENCE).toBe(MISSED)
    })
  })
}

async function appendCreated(world: World, roomId: string, senderId: string, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, n) =>
    encodeCreated({
      eventId: newId(),
      roomId,
      senderId,
      clientMsgId: newId(),
      body: `missed ${n}`,
      acceptedAt: new Date().toISOString(),
      edgeId: 'another',
    }),
  )
  await world.eventLog.appendAll('created', records, AbortSignal.timeout(PATIENCE.timeout))
}
