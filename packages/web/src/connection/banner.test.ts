import { expect, test } from 'vitest'
import { bannerOf } from './banner.ts'

test('a connection that is there needs no words', () => {
  expect([bannerOf({ status: 'online' }), bannerOf({ status: 'idle' })]).toEqual([undefined, undefined])
})

test('one that stopped says why', () => {
  const closed = (code: number) => bannerOf({ status: 'stopped', reason: 'closed', code })
  expect([closed(4429), closed(4403), closed(1002)]).toEqual(['tooManyPlaces', 'accountDeleted', 'stopped'])
  expect(bannerOf({ status: 'stopped', reason: 'signed_out' })).toBeUndefined()
})

test('one that is away is offline until it is back', () => {
  expect(bannerOf({ status: 'waiting', retryAtMs: 0 })).toBe('offline')
  expect(bannerOf({ status: 'connecting' })).toBe('connecting')
})
