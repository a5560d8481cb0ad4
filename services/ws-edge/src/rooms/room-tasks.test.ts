import { expect, test, vi } from 'vitest'
import type { Connection } from '../sockets/connection.ts'
import type { LocalRoom, RoomSubscription } from './local-room.ts'
import type { RoomEvent } from './room-events.ts'
import type { RoomState } from './room-state.ts'
import { RoomTasks, type RoomTasksOptions } from './room-tasks.ts'

test('a large room’s flush that was held up does not go on with a membership that is too old', async () => {
  const written: string[] = []
  const subs = Array.from({ length: 2500 }, (_, i): RoomSubscription => {
    const userId = `u${i}`
    const connection = { unsentBytes: 0, write: () => void written.push(userId) } as unknown as Connection
    return { userId, roomId: 'r', connection, ref: undefined }
  })
  const isStale = vi.fn().mockReturnValueOnce(false).mockReturnValue(true)
  const state = { isLive: () => true, isStale } as unknown as RoomState<RoomSubscription>
  const room: LocalRoom = { id: 'r', state, memberCount: 0 }
  const fed = Promise.withResolvers<RoomEvent<RoomSubscription>>()
  // Of which a flush asks nothing.
  const tasks = new RoomTasks({} as RoomTasksOptions, (_room, event) => fed.resolve(event))

  await tasks.flush(room, subs, [{ seq: 1, frame: Buffer.from('{}') }])

  expect(written).toEqual(subs.slice(0, 2000).map(({ userId }) => userId))
  expect(await fed.promise).toMatchObject({ type: 'flushed', behind: subs.slice(2000) })
})
