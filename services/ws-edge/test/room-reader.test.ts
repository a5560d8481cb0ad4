import { connect } from '@roomlog/db'
import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RoomReader } from '../src/rooms/room-reader.ts'
import { World } from './support.ts'

suiteOn(['postgres'], 'what is read of rooms at once', () => {
  const resources = new AsyncDisposableStack()
  let world: World
  let reader: RoomReader

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    const { db, close } = connect({ ...world.config.database, applicationName: 'edge-test' })
    resources.defer(close)
    reader = new RoomReader(db)
  })
  afterAll(() => resources.disposeAsync())

  test('the rows that several ask for are read and encoded once, for members alone', async () => {
    const members = [await world.newUser(), await world.newUser(), await world.newUser()]
    const stranger = await world.newUser()
    const room = await world.newRoom(members)
    await world.store(room, members[0] ?? '', ['1', '2', '3', '4', '5'])
    const read = (userId: string, afterSeq: number | null) =>
      reader.read({ roomId: room, userId, afterSeq, maxMissing: 1000 })
    const [ada, grace, eve, later, head] = await Promise.all([
      read(members[0] ?? '', 2),
      read(members[1] ?? '', 2),
      read(stranger, 2),
      read(members[2] ?? '', 4),
      read(members[0] ?? '', null),
    ])
    expect(ada.rows.map(({ seq }) => seq)).toEqual([3, 4, 5])
    expect(grace.rows[0]?.frame).toBe(ada.rows[0]?.frame)
    expect([ada, grace, later, head].every(({ isMember }) => isMember)).toBe(true)
    expect(eve).toMatchObject({ isMember: false, rows: [] })
    expect(later.rows.map(({ seq }) => seq)).toEqual([5])
    expect(head).toMatchObject({ head: 5, rows: [] })
  })

  test('more than a statement takes are all answered', async () => {
    const members = await Promise.all(Array.from({ length: 130 }, () => world.newUser()))
    const rooms = [await world.newRoom(members), await world.newRoom(members)]
    for (const room of rooms) await world.store(room, members[0] ?? '', ['1', '2'])
    const reads = await Promise.all(
      rooms.flatMap((roomId) =>
        members.map((userId) => reader.read({ roomId, userId, afterSeq: 1, maxMissing: 1000 })),
      ),
    )
    expect(reads.map(({ isMember, rows }) => [isMember, rows.map(({ seq }) => seq)])).toEqual(
      Array.from({ length: 260 }, () => [true, [2]]),
    )
  })
})
