import { ApiError } from '@roomlog/service-kit'
import { describe, expect, test } from 'vitest'
import { Slots } from './slots.ts'

/** Work that ends when told. */
function work(begun: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const run = () => {
    begun.push(name)
    return promise
  }
  return { run, end: () => resolve(name), fail: () => reject(new Error(name)) }
}

/** All that can go on without another event has gone on. */
const turn = () => new Promise(setImmediate)

describe('slots', () => {
  test('run so much at once, and the rest in order as others end', async () => {
    const [slots, begun] = [new Slots(2, 10), [] as string[]]
    const works = ['a', 'b', 'c', 'd'].map((name) => work(begun, name))
    const results = works.map(({ run }) => slots.run(run))
    await turn()
    expect(begun).toEqual(['a', 'b'])
    works[1]?.end()
    expect(await results[1]).toBe('b')
    await turn()
    expect(begun).toEqual(['a', 'b', 'c'])
    for (const { end } of works) end()
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'])
    expect(begun).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are given back by work that fails', async () => {
    const [slots, begun] = [new Slots(1, 1), [] as string[]]
    const [first, second] = [work(begun, 'first'), work(begun, 'second')]
    const failing = slots.run(first.run)
    const waiting = slots.run(second.run)
    first.fail()
    await expect(failing).rejects.toThrow('first')
    second.end()
    expect(await waiting).toBe('second')
    await expect(slots.run(() => Promise.reject(new Error('at once')))).rejects.toThrow('at once')
    expect(await slots.run(async () => 'free')).toBe('free')
  })

  test('refuse at once what comes when the queue is full', async () => {
    const [slots, begun] = [new Slots(1, 2), [] as string[]]
    const works = ['a', 'b', 'c'].map((name) => work(begun, name))
    const results = works.map(({ run }) => slots.run(run))
    const refused = await slots.run(async () => 'd').catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ApiError)
    expect(refused).toMatchObject({ code: 'unavailable', retryAfterS: 3 })
    expect(begun).toEqual(['a'])
    expect(slots.counts).toEqual({ running: 1, waiting: 2 })
    for (const { end } of works) end()
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c'])
    expect(slots.counts).toEqual({ running: 0, waiting: 0 })
    expect(await slots.run(async () => 'e')).toBe('e')
  })
})
