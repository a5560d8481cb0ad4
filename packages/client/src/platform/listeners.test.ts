import { expect, test, vi } from 'vitest'
import { Listeners } from './listeners.ts'

test('a listener that throws keeps no other from hearing, and what it threw is told as uncaught', () => {
  const uncaught = vi.spyOn(globalThis, 'queueMicrotask').mockReturnValue()
  const listeners = new Listeners<string>()
  const heard: string[] = []
  listeners.add(() => {
    throw new Error('of a listener')
  })
  listeners.add((event) => heard.push(event))
  listeners.tell('first')
  listeners.tell('second')
  expect(heard).toEqual(['first', 'second'])
  expect(uncaught).toHaveBeenCalledTimes(2)
  expect(uncaught.mock.calls[0]?.[0]).toThrow('of a listener')
  uncaught.mockRestore()
})
