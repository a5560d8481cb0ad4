import { expect, test } from 'vitest'
import { bannerOf } from './banner.ts'

test('a connection that is there needs no words', () => {
  expect([bannerOf({ status: 'online' }, true), bannerOf({ status: 'idle' }, true)]).toEqual([
    undefined,
    undefined,
  ])
})

test('one that stopped says why', () => {
  const closed = (code: number) => bannerOf({ status: 'stopped', reason: 'closed', code }, true)
  expect([closed(4429), closed(4403), closed(1002)]).toEqual(['tooManyPlaces', 'accountDeleted', 'stopped'])
  expect(bannerOf({ status: 'stopped', reason: 'signed_out' }, true)).toBeUndefined()
})

test('one that is away is offline until it is back', () => {
  expect(bannerOf({ status: 'waiting', retryAtMs: 0 }, true)).toBe('offline')
  expect(bannerOf({ status: 'connecting' }, true)).toBe('connecting')
  expect(bannerOf({ status: 'online' }, false)).toBe('offline')
})
