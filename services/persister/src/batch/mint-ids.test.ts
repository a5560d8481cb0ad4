import { idSchema } from '@roomlog/protocol'
import { describe, expect, test } from 'vitest'
import { incremented, mintIds } from './mint-ids.ts'

const NOW = '01KAV0000000000000000000ZY'
const PAST = '01JAV00000000000000000ZZZZ'
const FUTURE = '01MAV00000000000000000ZZZZ'

describe('minted ids', () => {
  test('rise within a room, above its last id', () => {
    const ids = mintIds(['a', 'a', 'a'], new Map([['a', PAST]]))
    expect([PAST, ...ids]).toEqual([PAST, ...ids].toSorted())
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(idSchema.safeParse(id).success).toBe(true)
  })

  test('carry the time of now where the room is empty, unknown or older', () => {
    const lastIds = new Map([
      ['empty', null],
      ['older', PAST],
    ])
    expect(mintIds(['empty', 'older', 'unknown'], lastIds, () => NOW)).toEqual([NOW, NOW, NOW])
  })

  test('keep the time of a room that is ahead of the clock, and of that room alone', () => {
    const ids = mintIds(['ahead', 'other', 'ahead'], new Map([['ahead', FUTURE]]), () => NOW)
    expect(ids).toEqual(['01MAV0000000000100000000ZY', NOW, '01MAV0000000000200000000ZY'])
  })

  test('rise although the source repeats itself', () => {
    expect(mintIds(['a', 'a', 'a'], new Map(), () => NOW)).toEqual([
      NOW,
      '01KAV0000000000100000000ZY',
      '01KAV0000000000200000000ZY',
    ])
  })

  test('name one message each, also where a slower clock goes on in rooms that a faster one filled', () => {
    const rooms = Array.from({ length: 8 }, (_, i) => `room ${i}`)
    // As each process makes them: one after the other.
    const source = (beginning: string) => {
      let made = 0
      return () => {
        made += 1
        return `${beginning}${String(made).padStart(21, '0')}`
      }
    }
    const fast = mintIds(rooms, new Map(), source('01MAV'))
    const lastIds = new Map(rooms.map((room, i) => [room, fast[i] ?? null]))
    const slow = mintIds([...rooms, ...rooms], lastIds, source('01KAV'))
    expect(new Set([...fast, ...slow]).size).toBe(24)
  })

  test('leave the map they are given as it is', () => {
    const lastIds = new Map([['a', PAST]])
    mintIds(['a'], lastIds)
    expect(lastIds.get('a')).toBe(PAST)
  })
})

describe('the id that follows', () => {
  test.for([
    ['01KAV000000000000000000000', '01KAV000000000000000000001'],
    ['01KAV000000000000000000009', '01KAV00000000000000000000A'],
    ['01KAV00000000000000000000H', '01KAV00000000000000000000J'],
    ['01KAV00000000000000000000T', '01KAV00000000000000000000V'],
    ['01KAV0000000000000000000YZ', '01KAV0000000000000000000Z0'],
  ] as const)('of %s is %s', ([id, next]) => {
    expect(incremented(id)).toBe(next)
  })

  test('of a full random part is the next millisecond', () => {
    expect(incremented('01KAV00000ZZZZZZZZZZZZZZZZ')).toBe('01KAV000010000000000000000')
  })

  test('of the last one does not exist', () => {
    expect(() => incremented('7ZZZZZZZZZZZZZZZZZZZZZZZZZ')).toThrow(RangeError)
    expect(incremented('6ZZZZZZZZZZZZZZZZZZZZZZZZZ')).toBe('70000000000000000000000000')
  })
})
