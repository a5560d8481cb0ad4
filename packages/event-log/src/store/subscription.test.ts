import pino from 'pino'
import { expect, test } from 'vitest'
import type { Beat, LogStore } from './store.ts'
import { StoreSubscription } from './subscription.ts'

const ALONE: Beat = { joined: false, members: 1, owned: new Set() }

/** Notes what it is asked; beats are answered as the test says. */
function storeOf(beat: () => Promise<Beat>) {
  const asked: (keyof LogStore)[] = []
  const noted =
    <T>(name: keyof LogStore, answer: () => Promise<T>) =>
    () => {
      asked.push(name)
      return answer()
    }
  const nothing = async () => undefined
  const store: LogStore = {
    append: noted('append', nothing),
    heads: noted('heads', async () => new Map()),
    read: noted('read', async () => new Map()),
    makeCursors: noted('makeCursors', nothing),
    beat: noted('beat', beat),
    acquire: noted('acquire', async () => new Map()),
    commit: noted('commit', nothing),
    release: noted('release', nothing),
    leave: noted('leave', nothing),
    watch: () => undefined,
    ping: nothing,
    close: nothing,
  }
  return { store, asked }
}

function subscriptionTo(store: LogStore): StoreSubscription {
  return new StoreSubscription({
    store,
    clientId: 'test',
    topic: 'created',
    group: 'group',
    partitions: 1,
    options: {
      topic: 'created',
      group: 'group',
      from: 'beginning',
      maxRecords: 1,
      commitIntervalMs: 0,
      onBatch: async () => undefined,
      onFatal: () => undefined,
    },
    logger: pino({ enabled: false }),
  })
}

test('a member takes leave of its store', async () => {
  const { store, asked } = storeOf(async () => ALONE)
  const subscription = subscriptionTo(store)
  await subscription.start()
  await subscription.stop()
  expect(asked.at(-1)).toBe('leave')
})

test('a store that has just not answered is not asked for the leave, too: both would be waited for', async () => {
  const hanging = Promise.withResolvers<Beat>()
  const begun = Promise.withResolvers<void>()
  let beats = 0
  const { store, asked } = storeOf(() => {
    beats += 1
    if (beats === 1) return Promise.resolve(ALONE)
    begun.resolve()
    return hanging.promise
  })
  const subscription = subscriptionTo(store)
  await subscription.start()
  await begun.promise
  const stopped = subscription.stop()
  hanging.reject(new Error('no answer'))
  await stopped
  expect(asked).not.toContain('leave')
})
