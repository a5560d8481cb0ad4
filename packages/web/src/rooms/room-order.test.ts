import type { RoomFacts } from '@roomlog/client'
import { expect, test } from 'vitest'
import { neighbour, sortedRooms } from './room-order.ts'

function room(id: string, createdAt?: string): RoomFacts {
  return { id, lastMessage: createdAt === undefined ? null : { createdAt } } as RoomFacts
}

test('the latest word stands first, rooms without any behind, the newest of them first', () => {
  const rooms = [room('1'), room('2', '2026-01-01'), room('3', '2026-02-01'), room('4')]
  expect(sortedRooms(rooms).map(({ id }) => id)).toEqual(['3', '2', '4', '1'])
})

test('from a room one goes up and down and around, from none to an end', () => {
  const rooms = ['a', 'b', 'c'].map((id) => ({ id }))
  expect([neighbour(rooms, 'b', 1), neighbour(rooms, 'c', 1), neighbour(rooms, 'a', -1)]).toEqual([
    'c',
    'a',
    'c',
  ])
  expect([neighbour(rooms, undefined, 1), neighbour(rooms, 'gone', -1)]).toEqual(['a', 'c'])
  expect(neighbour([], 'a', 1)).toBeUndefined()
})
