import { expect, test } from 'vitest'
import { personOf, secondPersonUrl, sessionKey } from './person.ts'

test('a page is for the first person unless its address names another one', () => {
  expect(
    ['', '?person=0', '?person=1', '?person=2', '?person=9', '?person=10', '?person=x'].map(personOf),
  ).toEqual([1, 1, 1, 2, 9, 1, 1])
})

test('the second person has a session of its own', () => {
  expect(sessionKey(2)).not.toBe(sessionKey(1))
})

test('a second person opens in the same room, from the first one and on this machine only', () => {
  const at = (hostname: string, search = '') => secondPersonUrl({ hostname, search, hash: '#/rooms/1' })
  expect(at('localhost')).toBe('/?person=2#/rooms/1')
  expect(at('127.0.0.1')).toBe('/?person=2#/rooms/1')
  expect(at('localhost', '?person=2')).toBeUndefined()
  expect(at('chat.example.org')).toBeUndefined()
})
