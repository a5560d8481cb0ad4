import { expect, test } from 'vitest'
import { PageTurns } from './page-turns.ts'

test('one room of a socket has the turn, the others follow in order', () => {
  const turns = new PageTurns()
  const socket = {}
  const had: string[] = []
  for (const room of ['a', 'b', 'c']) turns.wait(socket, room, () => had.push(room))
  expect(had).toEqual(['a'])
  expect(turns.take(socket)).toBe(false)
  turns.pass(socket)
  expect(had).toEqual(['a', 'b'])
  turns.pass(socket)
  turns.pass(socket)
  expect(had).toEqual(['a', 'b', 'c'])
  expect(turns.take(socket)).toBe(true)
})

test('a newer claim of a room takes the place of the one before', () => {
  const turns = new PageTurns()
  const socket = {}
  const had: string[] = []
  turns.take(socket)
  turns.wait(socket, 'a', () => had.push('old a'))
  turns.wait(socket, 'b', () => had.push('b'))
  turns.wait(socket, 'a', () => had.push('new a'))
  for (let i = 0; i < 3; i += 1) turns.pass(socket)
  expect(had).toEqual(['new a', 'b'])
})

test('sockets do not wait for each other', () => {
  const turns = new PageTurns()
  expect(turns.take({})).toBe(true)
  expect(turns.take({})).toBe(true)
})
