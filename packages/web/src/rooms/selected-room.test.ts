import { expect, test } from 'vitest'
import { hashOf, roomOfHash } from './selected-room.ts'

test('a room has an address, and nothing else is one', () => {
  const id = '01J00000000000000000000000'
  expect(roomOfHash(hashOf(id))).toBe(id)
  expect(
    ['', '#/', '#/rooms/', '#/rooms/me', `#/rooms/${id}/x`, '#/rooms/..%2fusers'].map(roomOfHash),
  ).toEqual(Array(6).fill(undefined))
  expect(roomOfHash(hashOf(undefined))).toBeUndefined()
})
