import { afterEach, expect, test, vi } from 'vitest'
import { defaultPlatform } from './platform.ts'

afterEach(() => vi.unstubAllGlobals())

test('a browser wakes the client when a network comes or goes, and when somebody looks again', () => {
  const window = new EventTarget()
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' })
  vi.stubGlobal('window', window)
  vi.stubGlobal('document', document)
  const woken = vi.fn()
  const end = defaultPlatform().onWake(woken)
  const turn = () => document.dispatchEvent(new Event('visibilitychange'))

  window.dispatchEvent(new Event('offline'))
  expect(woken).toHaveBeenCalledTimes(1)
  window.dispatchEvent(new Event('online'))
  expect(woken).toHaveBeenCalledTimes(2)
  turn()
  expect(woken).toHaveBeenCalledTimes(2)
  document.visibilityState = 'visible'
  turn()
  expect(woken).toHaveBeenCalledTimes(3)

  end()
  for (const type of ['offline', 'online']) window.dispatchEvent(new Event(type))
  turn()
  expect(woken).toHaveBeenCalledTimes(3)
})
