import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { beforeEach, expect, test } from 'vitest'
import {
  ask,
  expectRefusal,
  newPerson,
  newRoom,
  type Person,
  say,
  type TestDatabase,
  withApi,
} from './support.ts'

const RACERS = 50

suiteOn(['postgres'], 'a read position', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let ada: Person
  let bob: Person
  let room: string

  withApi((api) => {
    ;({ database, app, ada, bob } = api)
  })
  beforeEach(async () => {
    room = await newRoom(app, ada)
    await ask(app, `POST /rooms/${room}/join`, { as: bob })
  })

  const read = (lastReadMessageId: unknown, as = bob, roomId = room) =>
    ask(app, `POST /rooms/${roomId}/read`, { as, body: { lastReadMessageId } })
  const unread = async (as = bob) => (await ask(app, `GET /rooms/${room}`, { as })).body.room

  test('moves to a message, and what is unread goes with it', async () => {
    const ids = await say(database, room, ada.id, ['one', 'two', 'three'])
    expect(await unread()).toMatchObject({ lastReadSeq: 0, unreadCount: 3 })
    const answer = await read(ids[1])
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({ lastReadMessageId: ids[1], lastReadSeq: 2, unreadCount: 1 })
    expect(await unread()).toMatchObject({ lastReadSeq: 2, unreadCount: 1 })
    expect((await read(ids[2])).body).toEqual({ lastReadMessageId: ids[2], lastReadSeq: 3, unreadCount: 0 })
    const [four] = await say(database, room, ada.id, ['four'])
    expect(await unread()).toMatchObject({ lastReadSeq: 3, unreadCount: 1 })
    expect((await read(four)).body).toMatchObject({ lastReadSeq: 4, unreadCount: 0 })
    // Everybody has their own.
    expect(await unread(ada)).toMatchObject({ lastReadSeq: 0, unreadCount: 4 })
  })

  test('is shown to the other members', async () => {
    const [id] = await say(database, room, ada.id, ['one'])
    await read(id)
    const { members } = (await ask(app, `GET /rooms/${room}/members`, { as: ada })).body
    const positions = members.map((m: { user: { id: string }; lastReadSeq: number }) => [
      m.user.id,
      m.lastReadSeq,
    ])
    expect(positions).toEqual([
      [ada.id, 0],
      [bob.id, 1],
    ])
  })

  test('never moves back', async () => {
    const ids = await say(database, room, ada.id, ['one', 'two', 'three'])
    const there = { lastReadMessageId: ids[2], lastReadSeq: 3, unreadCount: 0 }
    expect((await read(ids[2])).body).toEqual(there)
    for (const id of ids) expect(await read(id)).toMatchObject({ status: 200, body: there })
    expect(await unread()).toMatchObject({ lastReadSeq: 3 })
    // Nor behind what had been said before one came.
    const cleo = await newPerson(app, database)
    await ask(app, `POST /rooms/${room}/join`, { as: cleo })
    expect((await read(ids[0], cleo)).body).toEqual(there)
  })

  test(`ends at the highest of ${RACERS} that race, and no answer is behind its own or an earlier one`, async () => {
    const ids = await say(
      database,
      room,
      ada.id,
      Array.from({ length: RACERS }, (_, i) => `${i}`),
    )
    const shuffled = ids.map((id, i) => ({ id, seq: i + 1, at: (i * 17) % RACERS }))
    const answered: number[] = []
    let highest = 0
    await Promise.all(
      shuffled
        .toSorted((a, b) => a.at - b.at)
        .map(async ({ id, seq }) => {
          const before = highest
          const { status, body } = await read(id)
          expect(status).toBe(200)
          expect(body.lastReadSeq).toBeGreaterThanOrEqual(Math.max(seq, before))
          expect(body).toEqual({
            lastReadMessageId: ids[body.lastReadSeq - 1],
            lastReadSeq: body.lastReadSeq,
            unreadCount: RACERS - body.lastReadSeq,
          })
          highest = Math.max(highest, body.lastReadSeq)
          answered.push(body.lastReadSeq)
        }),
    )
    expect(answered).toHaveLength(RACERS)
    expect(await unread()).toMatchObject({ lastReadSeq: RACERS, unreadCount: 0 })
  })

  test('never passes the head while messages are being stored', async () => {
    const [, answers] = await Promise.all([
      (async () => {
        for (let i = 0; i < 20; i += 1) await say(database, room, ada.id, [`${i}`])
      })(),
      (async () => {
        const seen: { lastReadSeq: number; unreadCount: number }[] = []
        while (seen.at(-1)?.lastReadSeq !== 20) {
          const { lastMessage } = await unread()
          if (lastMessage !== null) seen.push((await read(lastMessage.id)).body)
        }
        return seen
      })(),
    ])
    for (const { unreadCount } of answers) expect(unreadCount).toBeGreaterThanOrEqual(0)
    const positions = answers.map(({ lastReadSeq }) => lastReadSeq)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  })

  test('is refused at what is no message of the room', async () => {
    const other = await newRoom(app, bob)
    const [elsewhere] = await say(database, other, bob.id, ['one'])
    await say(database, room, ada.id, ['one'])
    for (const id of [elsewhere, newId(), room, bob.id]) expectRefusal(await read(id), 400, 'bad_cursor')
    expect(await unread()).toMatchObject({ lastReadSeq: 0 })
  })

  test('is refused to others than members', async () => {
    const [id] = await say(database, room, ada.id, ['one'])
    const cleo = await newPerson(app, database)
    expectRefusal(await read(id, cleo), 403, 'not_a_member')
    expectRefusal(await read(id, bob, newId()), 404, 'room_not_found')
    expectRefusal(await ask(app, `POST /rooms/${room}/read`, { body: {} }), 401, 'unauthenticated')
    await ask(app, `DELETE /rooms/${room}/members/me`, { as: bob })
    expectRefusal(await read(id), 403, 'not_a_member')
  })

  test.each([
    ['nothing', undefined],
    ['a seq', 1],
    ['a seq as text', '1'],
    ['null', null],
    ['garbage', "' OR 1=1 --"],
    ['NUL', '\0'],
    ['a list', [newId()]],
  ])('is refused at %s', async (_, id) => {
    expectRefusal(await read(id), 400, 'validation_failed')
  })

  test('is refused with more than a message', async () => {
    const body = { lastReadMessageId: newId(), lastReadSeq: 7 }
    expectRefusal(await ask(app, `POST /rooms/${room}/read`, { as: bob, body }), 400, 'validation_failed')
    expectRefusal(await ask(app, `POST /rooms/${room}/read`, { as: bob }), 400, 'validation_failed')
  })
})
