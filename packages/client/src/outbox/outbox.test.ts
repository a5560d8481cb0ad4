import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, test, vi } from 'vitest'
import { settle } from '../../test/virtual-time.ts'
import { type Person, ROOM, World } from '../../test/world.ts'
import type { IndexedDb } from '../platform/indexed-db.ts'
import { defaultPlatform, type Locks, type Platform } from '../platform/platform.ts'
import { indexedDbOutboxStore } from './indexed-db-store.ts'
import type { KeptSend, OutboxStore } from './outbox-store.ts'

/** Locks that all tabs of this process share, as those of a browser do. */
const { locks } = (globalThis as unknown as { navigator: { locks: Locks } }).navigator

interface Parts extends Pick<Platform, 'newId'> {
  readonly indexedDB: IndexedDb
  readonly locks: Locks
}

function browser(): Parts {
  const { newId } = defaultPlatform()
  return { indexedDB: new IDBFactory() as unknown as IndexedDb, locks, newId }
}

function send(clientMsgId: string): KeptSend {
  return { clientMsgId, roomId: ROOM, body: clientMsgId, createdAt: '2026-01-02T03:04:05.678Z' }
}

const ids = (sends: readonly KeptSend[]) => sends.map(({ clientMsgId }) => clientMsgId)

/** Until the tab's lock can be had by others. */
async function gone(store: OutboxStore): Promise<void> {
  store.close()
  await vi.waitFor(async () => expect(await store.adopt()).toEqual([]))
  await settle()
}

describe('what is kept in IndexedDB', () => {
  test('is taken over, in its order, when its tab is gone, and not before', async () => {
    const parts = browser()
    const [first, second] = [indexedDbOutboxStore('ada', parts), indexedDbOutboxStore('ada', parts)]
    for (const id of ['m1', 'm2', 'm3']) await first.put(send(id))
    await first.remove('m2')
    expect(await second.adopt()).toEqual([])
    await gone(first)
    expect(ids(await second.adopt())).toEqual(['m1', 'm3'])
    expect(await second.adopt()).toEqual([])
    await second.remove('m1')
    await gone(second)
    expect(ids(await indexedDbOutboxStore('ada', parts).adopt())).toEqual(['m3'])
  })

  test('goes to one of several tabs that look at the same time', async () => {
    const parts = browser()
    const first = indexedDbOutboxStore('ada', parts)
    for (let i = 0; i < 20; i += 1) await first.put(send(`m${i}`))
    await gone(first)
    const tabs = Array.from({ length: 5 }, () => indexedDbOutboxStore('ada', parts))
    const taken = (await Promise.all(tabs.map((tab) => tab.adopt()))).map(ids)
    expect(taken.flat().toSorted()).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`).toSorted())
    expect(taken.filter((it) => it.length > 0)).toHaveLength(1)
  })

  test('is its user’s alone, and cleared with them', async () => {
    const parts = browser()
    const [ada, grace] = [indexedDbOutboxStore('ada', parts), indexedDbOutboxStore('grace', parts)]
    await ada.put(send('of ada'))
    await grace.put(send('of grace'))
    await gone(ada)
    expect(await grace.adopt()).toEqual([])
    const again = indexedDbOutboxStore('ada', parts)
    await again.clear()
    await gone(again)
    expect(await indexedDbOutboxStore('ada', parts).adopt()).toEqual([])
    await gone(grace)
    expect(ids(await indexedDbOutboxStore('grace', parts).adopt())).toEqual(['of grace'])
  })

  test('has with it why it was refused', async () => {
    const parts = browser()
    const first = indexedDbOutboxStore('ada', parts)
    await first.put(send('m1'))
    await first.put({ ...send('m1'), code: 'not_a_member' })
    await gone(first)
    expect(await indexedDbOutboxStore('ada', parts).adopt()).toMatchObject([
      { clientMsgId: 'm1', code: 'not_a_member' },
    ])
  })
})

describe('without a store that keeps', () => {
  const full = () => {
    throw new DOMException('full', 'QuotaExceededError')
  }
  test.each<[string, Partial<Platform>]>([
    ['IndexedDB', { indexedDB: undefined }],
    ['Web Locks', { locks: undefined }],
    ['leave to open it', { indexedDB: { open: full } }],
  ])('for want of %s messages are sent all the same, and it is told', async (_name, missing) => {
    const world = new World()
    const ada = await world.enter('ada', { platform: { ...browser(), ...missing } })
    ada.room.send('hello')
    await world.rest(5000)
    expect(world.bodies).toEqual(['hello'])
    await vi.waitFor(() => expect(ada.client.isOutboxKept).toBe(false))
    world.close()
  })

  test('a message that finds no room is sent, and it is told', async () => {
    const world = new World()
    const parts = browser()
    const ada = await world.enter('ada', { outboxStore: (userId) => indexedDbOutboxStore(userId, parts) })
    expect(ada.client.isOutboxKept).toBe(true)
    const { IDBObjectStore } = await import('fake-indexeddb')
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(full)
    ada.room.send('hello')
    await vi.waitFor(() => expect(ada.client.isOutboxKept).toBe(false))
    put.mockRestore()
    await world.rest(5000)
    expect(world.bodies).toEqual(['hello'])
    world.close()
  })
})

async function inTab(world: World, parts: Parts): Promise<Person> {
  return world.enter('ada', { outboxStore: (userId) => indexedDbOutboxStore(userId, parts) })
}

test('messages written offline are sent, in order and once each, by the page after a reload', async () => {
  const world = new World()
  const parts = browser()
  const before = await inTab(world, parts)
  before.client.disconnect()
  for (let i = 0; i < 10; i += 1) before.room.send(`m${i}`)
  before.client.close()
  const after = await inTab(world, parts)
  await vi.waitFor(async () => {
    await world.rest(61_000)
    expect(world.bodies).toHaveLength(10)
  })
  expect(world.bodies).toEqual(Array.from({ length: 10 }, (_, i) => `m${i}`))
  await world.rest(5000)
  expect([after.shown, after.snapshot.sends]).toEqual([world.bodies, []])
  world.close()
})

test('what was on its way over a connection that is lost goes over the next, at once', async () => {
  const world = new World()
  const ada = await world.enter('ada')
  await world.time.pass(1000)
  world.server.weather = { ...world.server.weather, sendFate: () => 'ignore' }
  ada.room.send('hello')
  await world.time.pass(1000)
  world.server.weather = { ...world.server.weather, sendFate: () => 'accept' }
  for (const socket of [...world.server.sockets]) socket.lose()
  await world.rest(3000)
  expect(world.bodies).toEqual(['hello'])
  world.close()
})

test('10 000 queued messages are sent, in order and once each', async () => {
  const world = new World()
  const ada = await world.enter('ada')
  for (let i = 0; i < 10_000; i += 1) ada.room.send(`m${i}`)
  for (let i = 0; ada.room.sends.length > 0 && i < 10_000; i += 1) {
    world.server.persist()
    await world.time.pass(1000)
  }
  expect(world.bodies).toEqual(Array.from({ length: 10_000 }, (_, i) => `m${i}`))
  expect(ada.shown).toEqual(world.bodies.slice(-500))
  world.close()
}, 120_000)

test('one that was refused is sent again or discarded, as its user likes', async () => {
  const world = new World()
  const ada = await world.enter('ada')
  await world.time.pass(1000)
  world.server.weather = { ...world.server.weather, sendFate: () => 'not_a_member' }
  for (const body of ['one', 'two']) ada.room.send(body)
  await world.rest(3000)
  expect(ada.snapshot.sends.map(({ body, state, code }) => `${body} ${state} ${code}`)).toEqual([
    'one rejected not_a_member',
    'two rejected not_a_member',
  ])
  world.server.weather = { ...world.server.weather, sendFate: () => 'accept' }
  const [one, two] = ada.snapshot.sends
  if (one !== undefined) ada.room.discard(one)
  if (two !== undefined) ada.room.retry(two)
  await world.rest(3000)
  expect(world.bodies).toEqual(['two'])
  expect([ada.shown, ada.snapshot.sends]).toEqual([['two'], []])
  expect([...ada.states.values()]).toEqual([
    ['queued', 'rejected'],
    ['queued', 'rejected', 'queued', 'accepted', 'persisted'],
  ])
  world.close()
})

test('one whose id was used for another message is sent again under a new one', async () => {
  const world = new World()
  const ada = await world.enter('ada')
  await world.time.pass(1000)
  const { clientMsgId, roomId } = ada.room.send('hello')
  await world.time.pass(100)
  world.server.push({ type: 'messageRejected', roomId, clientMsgId, code: 'client_msg_id_reused' })
  await world.time.pass(100)
  const [refused] = ada.snapshot.sends
  expect(refused).toMatchObject({ state: 'rejected', code: 'client_msg_id_reused' })
  if (refused !== undefined) ada.room.retry(refused)
  expect(ada.snapshot.sends.map((it) => it.clientMsgId)).not.toContain(clientMsgId)
  expect(ada.snapshot.sends).toHaveLength(1)
  world.close()
})
