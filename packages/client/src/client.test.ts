import { modelRuns } from '@roomlog/testkit/model-runs'
import { array, asyncProperty, assert as check, constantFrom, integer, nat, tuple } from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { ACTS, type Step, simulate } from '../test/client-simulation.ts'
import { ROOM, World } from '../test/world.ts'

/** A whole client with its server takes as long as so many views of a room. */
const SHARE_OF_RUNS = 10
const { numRuns, ...runs } = modelRuns()

describe('whatever drops, is late, repeated, closed or restored', () => {
  const clientRuns = Math.ceil(numRuns / SHARE_OF_RUNS)
  test(`all is shown, without a gap, and all that was sent is stored once and in order: ${clientRuns} interleavings`, async () => {
    const acts = Object.entries(ACTS).flatMap(([act, weight]) => Array<Step[0]>(weight).fill(act as Step[0]))
    const steps = array(tuple(constantFrom(...acts), nat(999), nat(999)), {
      minLength: 1,
      maxLength: 80,
      size: 'max',
    })
    await check(asyncProperty(integer(), steps, simulate), { ...runs, numRuns: clientRuns })
  }, 600_000)
})

describe('two people who talk', () => {
  test('see each message once, in the same order', async () => {
    const world = new World()
    const [ada, grace] = [await world.enter('ada'), await world.enter('grace')]
    for (let i = 0; i < 5; i += 1) {
      ada.room.send(`ada ${i}`)
      grace.room.send(`grace ${i}`)
    }
    await world.rest()
    expect(world.server.room(ROOM).log).toHaveLength(10)
    for (const person of [ada, grace]) expect(person.shown).toEqual(world.bodies)
    expect(world.bodies.filter((body) => body.startsWith('ada'))).toEqual(
      [0, 1, 2, 3, 4].map((i) => `ada ${i}`),
    )
    world.close()
  })
})

test('who signs in after somebody else begins anew', async () => {
  const world = new World()
  const { client } = await world.enter('ada')
  await world.time.pass(2000)
  client.disconnect()
  client.room(ROOM).send('of ada')
  const login = client.login({ username: 'grace', password: '' })
  await world.time.pass(1000)
  await login
  expect([client.user.get()?.id, client.rooms.get().size, client.room(ROOM).sends]).toEqual(['grace', 0, []])
  client.connect()
  await world.rest(5000)
  expect([client.connection.get().status, world.bodies]).toEqual(['online', []])
  world.close()
})

test('who signs out is forgotten, with what was on its way', async () => {
  const world = new World()
  const { client, timeline } = await world.enter('ada')
  await world.time.pass(2000)
  client.disconnect()
  client.room(ROOM).send('never sent')
  const logout = client.logout()
  await world.time.pass(1000)
  await logout
  expect(client.user.get()).toBeUndefined()
  expect(() => client.connect()).toThrow('nobody is signed in')
  expect(() => client.room(ROOM).send('nor this')).toThrow('nobody is signed in')
  expect(world.server.calls).toContain('POST /auth/logout')
  expect(timeline.snapshot.get().isLive).toBe(false)
  world.close()
})

test('who signs out while connected ends the session at the api, and the connection', async () => {
  const world = new World()
  const { client } = await world.enter('ada')
  await world.time.pass(2000)
  const logout = client.logout()
  await world.time.pass(1000)
  await logout
  expect(world.server.calls).toContain('POST /auth/logout')
  expect(client.connection.get()).toEqual({ status: 'stopped', reason: 'signed_out' })
  expect([world.server.sockets.size, client.rooms.get().size]).toEqual([0, 0])
  world.close()
})

test('listeners that throw stop neither the client nor whoever else listens', async () => {
  const uncaught = vi.spyOn(globalThis, 'queueMicrotask').mockReturnValue()
  const world = new World()
  const ada = await world.enter('ada')
  const fails = () => {
    throw new Error('of a listener')
  }
  for (const value of [ada.client.connection, ada.client.rooms, ada.timeline.snapshot]) value.subscribe(fails)
  for (const name of ['newMessage', 'send'] as const) ada.client.on(name, fails)
  ada.timeline.on('messages', fails)
  const heard: string[] = []
  ada.client.on('newMessage', ({ message }) => heard.push(message.body))
  await world.rest(5000)

  ada.room.send('hello')
  await world.rest(5000)
  world.server.say(ROOM, 'other')
  await world.rest(5000)
  expect(ada.shown).toEqual(world.bodies)
  expect(heard).toEqual(world.bodies)
  expect(ada.snapshot.sends).toEqual([])
  expect(ada.client.connection.get()).toEqual({ status: 'online' })
  expect(uncaught).toHaveBeenCalled()
  world.close()
  uncaught.mockRestore()
})
