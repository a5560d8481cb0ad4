import { connect } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RoomReader } from '../src/rooms/room-reader.ts'
import { Memberships } from '../src/sends/memberships.ts'
import { silent, World } from './support.ts'

suiteOn(['postgres'], 'the memberships of senders', () => {
  const resources = new AsyncDisposableStack()
  let world: World
  let memberships: Memberships

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    const { db, close } = connect({ ...world.config.database, applicationName: 'edge-test' })
    resources.defer(close)
    memberships = new Memberships(db, new RoomReader(db), silent)
    resources.defer(() => memberships.stop())
  })
  afterAll(() => resources.disposeAsync())

  test('are kept of members alone: rooms can be named by anybody', async () => {
    const [ada, eve] = [await world.newUser(), await world.newUser()]
    const [room, hidden] = [await world.newRoom([ada]), await world.newRoom([ada], 'private')]
    expect(await memberships.of(room, ada)).toBe('member')
    expect(await memberships.of(room, eve)).toBe('not_a_member')
    expect(await memberships.of(hidden, eve)).toBe('room_not_found')
    for (let i = 0; i < 20; i += 1) expect(await memberships.of(newId(), eve)).toBe('room_not_found')
    world.proxy.cut()
    try {
      await expect(memberships.of(newId(), ada)).rejects.toThrow()
      expect(await memberships.of(room, ada)).toBe('member')
    } finally {
      world.proxy.heal()
    }
    expect(memberships.size).toBe(1)
  })
})
