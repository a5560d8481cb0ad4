import { describe, expect, test } from 'vitest'
import { ModelServer } from '../../test/model-server.ts'
import { settle, VirtualTime } from '../../test/virtual-time.ts'
import type { Locks, Platform } from '../platform/platform.ts'
import { defaultPlatform } from '../platform/platform.ts'
import { RoomlogError } from './errors.ts'
import { Rest } from './rest.ts'
import { browserSessionStore, memorySessionStore } from './session-store.ts'
import { Sessions } from './sessions.ts'

/** The tabs of one browser: they share storage and locks, and hear of each other's changes. */
function browser() {
  const time = new VirtualTime()
  const server = new ModelServer(time)
  server.addRoom('room', ['ada'])
  const kept = new Map<string, string>()
  const tabs: (() => void)[] = []
  const tab = () => {
    const told = (listener: (key: string | null) => void) => {
      const own = () => listener('roomlog.session')
      tabs.push(own)
      return () => void tabs.splice(tabs.indexOf(own), 1)
    }
    const tellOthers = () => {
      for (const other of tabs) if (other !== tabs[index]) other()
    }
    const index = tabs.length
    const localStorage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, text: string) => {
        kept.set(key, text)
        tellOthers()
      },
      removeItem: (key: string) => {
        kept.delete(key)
        tellOthers()
      },
    }
    const locks = (globalThis as unknown as { navigator: { locks: Locks } }).navigator.locks
    const platform: Platform = {
      ...defaultPlatform(),
      ...time.parts,
      ...{ fetch: server.fetch, localStorage, locks, onStored: told },
    }
    const store = browserSessionStore('roomlog.session', platform)
    return new Sessions(new Rest('http://api', platform), store, platform)
  }
  /** Lets time pass until it has come to something. */
  const during = async <T>(act: Promise<T>): Promise<T> => {
    let isOver = false
    const watched = act.finally(() => {
      isOver = true
    })
    watched.catch(() => undefined)
    while (!isOver) {
      await time.pass(50)
      await settle()
    }
    return watched
  }
  return { time, server, kept, tab, during }
}

const ACCOUNT = { username: 'ada', password: '' }
const refreshes = (server: ModelServer) => server.calls.filter((call) => call === 'POST /auth/refresh').length

describe('tabs of one browser', () => {
  test('share a session, and one of them refreshes it for all', async () => {
    const { server, tab, during } = browser()
    const first = tab()
    await during(first.begin('/auth/login', ACCOUNT))
    const others = [tab(), tab()]
    server.accounts.expireAccess()
    const all = [first, ...others, ...others].map((sessions) => sessions.call('/rooms'))
    await during(Promise.all(all))
    expect(refreshes(server)).toBe(1)
    expect(new Set([first, ...others].map(({ current }) => current.accessToken)).size).toBe(1)
  })

  test('sign in and out together', async () => {
    const { tab, during } = browser()
    const [first, second] = [tab(), tab()]
    expect(second.user.get()).toBeUndefined()
    await during(first.begin('/auth/login', ACCOUNT))
    expect(second.user.get()?.id).toBe('ada')
    await during(second.end())
    expect(first.user.get()).toBeUndefined()
    expect(() => first.current).toThrow(RoomlogError)
  })

  test('never speak for another user who signs in in one of them', async () => {
    const { tab, during } = browser()
    const [first, second] = [tab(), tab()]
    await during(first.begin('/auth/login', ACCOUNT))
    const users: (string | undefined)[] = []
    second.user.subscribe(() => users.push(second.user.get()?.id))
    await during(first.begin('/auth/login', { username: 'grace', password: '' }))
    expect(users).toEqual([undefined, 'grace'])
  })
})

test('an answer with new tokens that is lost is asked for again, and the session goes on', async () => {
  const { server, tab, during, time } = browser()
  const sessions = tab()
  await during(sessions.begin('/auth/login', ACCOUNT))
  server.accounts.expireAccess()
  server.weather = { ...server.weather, restLoss: () => 'answer' }
  await expect(during(sessions.refresh(sessions.current.accessToken))).rejects.toMatchObject({
    code: 'network',
  })
  server.weather = { ...server.weather, restLoss: () => 'none' }
  await time.pass(20_000)
  await during(sessions.refresh(sessions.current.accessToken))
  expect(server.accounts.reuses).toBe(0)
  await during(sessions.call('/rooms'))
})

test('a session that has ended is signed out; one that cannot be refreshed now is not', async () => {
  const { server, tab, during } = browser()
  const sessions = tab()
  await during(sessions.begin('/auth/login', ACCOUNT))
  server.weather = { ...server.weather, restLoss: () => 'unavailable' }
  const { accessToken } = sessions.current
  await expect(during(sessions.refresh(accessToken))).rejects.toMatchObject({
    code: 'unavailable',
    retryable: true,
  })
  expect(sessions.user.get()?.id).toBe('ada')
  server.weather = { ...server.weather, restLoss: () => 'none' }
  server.accounts.endAll()
  await expect(during(sessions.call('/rooms'))).rejects.toMatchObject({ code: 'signed_out', status: 401 })
  expect(sessions.user.get()).toBeUndefined()
})

test('a session that is gone from the browser without a word is signed out at the next call', async () => {
  const { kept, tab, during } = browser()
  const sessions = tab()
  await during(sessions.begin('/auth/login', ACCOUNT))
  kept.clear()
  await expect(sessions.call('/rooms')).rejects.toMatchObject({ code: 'signed_out' })
  expect(sessions.user.get()).toBeUndefined()
})

test('where the browser forbids to keep anything, the session lasts as long as the page', () => {
  const forbidden = () => {
    throw new Error('forbidden')
  }
  const localStorage = { getItem: forbidden, setItem: forbidden, removeItem: forbidden }
  const store = browserSessionStore('key', { ...defaultPlatform(), localStorage })
  const user = { id: 'ada', username: 'ada', displayName: 'Ada', createdAt: '' }
  store.set({ accessToken: 'a', refreshToken: 'r', user })
  expect(store.get()?.user.id).toBe('ada')
  store.set(undefined)
  expect(store.get()).toBeUndefined()
  expect(browserSessionStore('key', { ...defaultPlatform(), localStorage: undefined }).name).toBe(
    memorySessionStore().name,
  )
})
