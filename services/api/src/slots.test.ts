import { ApiError } from '@roomlog/service-kit'
import { describe, expect, test } from 'vitest'
import { Slots } from './slots.ts'

const refusal = () => new ApiError('unavailable', 'too many at once', { retryAfterS: 3 })

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
    const results = works.map(({ run }) => slots.run(run, refusal))
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
    const failing = slots.run(first.run, refusal)
    const waiting = slots.run(second.run, refusal)
    first.fail()
    await expect(failing).rejects.toThrow('first')
    second.end()
    expect(await waiting).toBe('second')
    await expect(slots.run(() => Promise.reject(new Error('at once')), refusal)).rejects.toThrow('at once')
    expect(await slots.run(async () => 'free', refusal)).toBe('free')
  })

  test('refuse at once what comes when the queue is full', async () => {
    const [slots, begun] = [new Slots(1, 2), [] as string[]]
    const works = ['a', 'b', 'c'].map((name) => work(begun, name))
    const results = works.map(({ run }) => slots.run(run, refusal))
    const refused = await slots.run(async () => 'd', refusal).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ApiError)
    expect(refused).toMatchObject({ code: 'unavailable', retryAfterS: 3 })
    expect(begun).toEqual(['a'])
    expect(slots.counts).toEqual({ running: 1, waiting: 2 })
    for (const { end } of works) end()
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c'])
    expect(slots.counts).toEqual({ running: 0, waiting: 0 })
    expect(await slots.run(async () => 'e', refusal)).toBe('e')
  })

  test('go to nobody who left while they waited, whose places are free again', async () => {
    const [slots, begun, gone] = [new Slots(1, 2), [] as string[], new AbortController()]
    const works = ['a', 'b', 'c', 'd'].map((name) => work(begun, name))
    const [a, b, c, d] = works
    const first = a && slots.run(a.run, refusal)
    for (const it of [b, c]) if (it) void slots.run(it.run, refusal, gone.signal)
    gone.abort()
    const last = d && slots.run(d.run, refusal, new AbortController().signal)
    for (const { end } of works) end()
    expect(await Promise.all([first, last])).toEqual(['a', 'd'])
    expect(begun).toEqual(['a', 'd'])
    expect(slots.counts).toEqual({ running: 0, waiting: 0 })
  })

  test('are all free when all who waited have left', async () => {
    const [slots, begun, gone] = [new Slots(1, 2), [] as string[], new AbortController()]
    const [a, b] = [work(begun, 'a'), work(begun, 'b')]
    const first = slots.run(a.run, refusal)
    void slots.run(b.run, refusal, gone.signal)
    gone.abort()
    a.end()
    await first
    expect(slots.isIdle).toBe(true)
    expect(await slots.run(async () => 'c', refusal)).toBe('c')
  })
})
