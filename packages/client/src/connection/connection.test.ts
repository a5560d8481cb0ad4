import { CLOSE_CODES } from '@roomlog/protocol/wire'
import { describe, expect, test } from 'vitest'
import { type Person, ROOM, World } from '../../test/world.ts'

async function online(): Promise<{ world: World; ada: Person }> {
  const world = new World()
  const ada = await world.enter('ada')
  await world.time.pass(1000)
  expect(ada.client.connection.get()).toEqual({ status: 'online' })
  return { world, ada }
}

function loseSilently(world: World): void {
  for (const socket of world.server.sockets) {
    socket.isSilent = true
    world.server.sockets.delete(socket)
  }
}

describe('a connection that is dead without a word', () => {
  test('is noticed within 45 s, at any time between two heartbeats', async () => {
    for (let waitedMs = 0; waitedMs <= 20_000; waitedMs += 2500) {
      const { world, ada } = await online()
      await world.time.pass(waitedMs)
      loseSilently(world)
      const statuses: string[] = []
      ada.client.connection.subscribe(() => statuses.push(ada.client.connection.get().status))
      await world.time.pass(45_000)
      expect(statuses).toContain('waiting')
      await world.time.pass(10_000)
      expect(world.server.sockets.size).toBe(1)
      world.close()
    }
  })

  test('is noticed within 5 s when somebody looks, or the network seems to be gone', async () => {
    const { world, ada } = await online()
    loseSilently(world)
    ada.wake()
    await world.time.pass(5000)
    expect(ada.client.connection.get().status).toBe('waiting')
    world.close()
  })

  test('is left although its own close event never comes', async () => {
    const { world } = await online()
    for (const socket of world.server.sockets) socket.close = () => undefined
    loseSilently(world)
    await world.time.pass(60_000)
    expect(world.server.sockets.size).toBe(1)
    world.close()
  })
})

test('a connection that is well outlives a network that only seemed to be gone', async () => {
  const { world, ada } = await online()
  for (let i = 0; i < 5; i += 1) {
    ada.wake()
    await world.time.pass(10_000)
  }
  expect(ada.client.connection.get().status).toBe('online')
  expect(world.server.handshakesMs).toHaveLength(1)
  world.close()
})

test('a connection that closes is sent nothing any more', async () => {
  const { world, ada } = await online()
  const sent: string[] = []
  for (const socket of world.server.sockets) {
    socket.readyState = 2
    socket.send = (text) => void sent.push(text)
  }
  ada.client.room(ROOM).send('too late for this one')
  ada.client.room(ROOM).setTyping(true)
  await world.time.pass(1000)
  expect(sent).toEqual([])
  world.close()
})

describe('a machine that slept', () => {
  test('keeps a connection that is alive, however late its timers are', async () => {
    const { world, ada } = await online()
    for (let i = 0; i < 20; i += 1) {
      // A tab that nobody looks at: timers run once a minute, and frames come all the time.
      world.time.sleep(60_000)
      await world.time.pass(100)
    }
    expect(ada.client.connection.get().status).toBe('online')
    expect(world.server.handshakesMs).toHaveLength(1)
    world.close()
  })

  test('is back with all that it missed when it wakes', async () => {
    const { world, ada } = await online()
    for (const socket of [...world.server.sockets]) {
      socket.isSilent = true
      world.server.sockets.delete(socket)
    }
    for (let i = 0; i < 150; i += 1) world.server.say(ROOM, 'other')
    world.server.persist()
    world.time.sleep(3_600_000)
    ada.wake()
    await world.time.pass(20_000)
    expect(ada.shown).toEqual(world.bodies)
    world.close()
  })
})

test('the time at the server is known, whatever becomes of this clock', async () => {
  const { world, ada } = await online()
  world.time.wallAheadMs -= 86_400_000
  await world.time.pass(5000)
  expect(Math.abs(ada.client.serverMs() - world.time.monotonicMs)).toBeLessThan(100)
  world.close()
})

test('a connection outlives its token: the edge is given a newer one in time', async () => {
  const { world } = await online()
  await world.time.pass(4 * 900_000)
  expect(world.server.handshakesMs).toHaveLength(1)
  expect(world.server.calls.filter((call) => call === 'POST /auth/refresh').length).toBeGreaterThanOrEqual(4)
  world.close()
})

test('a token that is refused is replaced, and the session goes on', async () => {
  const { world, ada } = await online()
  world.server.accounts.expireAccess()
  for (const socket of [...world.server.sockets]) socket.end(CLOSE_CODES.unauthenticated.code)
  await world.time.pass(3000)
  expect(ada.client.connection.get().status).toBe('online')
  world.close()
})

test('a session that has ended stops the client, and says so', async () => {
  const { world, ada } = await online()
  world.server.accounts.endAll()
  for (const socket of [...world.server.sockets]) socket.end(CLOSE_CODES.unauthenticated.code)
  await world.time.pass(60_000)
  expect(ada.client.connection.get()).toEqual({ status: 'stopped', reason: 'signed_out' })
  expect(ada.client.user.get()).toBeUndefined()
  expect(world.server.handshakesMs).toHaveLength(1)
  world.close()
})

test('a close after which a client stops is told, and connecting again is possible', async () => {
  const { world, ada } = await online()
  for (const socket of [...world.server.sockets]) socket.end(CLOSE_CODES.limitExceeded.code)
  await world.time.pass(60_000)
  expect(ada.client.connection.get()).toEqual({ status: 'stopped', reason: 'closed', code: 4429 })
  ada.client.connect()
  await world.time.pass(1000)
  expect(ada.client.connection.get().status).toBe('online')
  world.close()
})

test('while no server is there, it is tried with pauses, and told when next', async () => {
  const { world, ada } = await online()
  world.server.isDown = true
  for (const socket of [...world.server.sockets]) socket.lose()
  const status = ada.client.connection.get()
  expect(status.status).toBe('waiting')
  if (status.status === 'waiting') {
    expect(status.retryAtMs - world.time.parts.wallMs()).toBeCloseTo(750)
  }
  await world.time.pass(300_000)
  expect(world.server.handshakesMs.length).toBeGreaterThan(10)
  expect(world.server.handshakesMs.length).toBeLessThan(40)
  world.server.isDown = false
  await world.time.pass(21_000)
  expect(ada.client.connection.get().status).toBe('online')
  world.close()
})

test('frames go out no faster than an edge takes them', async () => {
  const { world, ada } = await online()
  const [socket] = world.server.sockets
  let [count, most] = [0, 0]
  const take = socket?.onFrame
  if (socket !== undefined) {
    socket.onFrame = (frame) => {
      count += 1
      world.time.after(1000, () => {
        count -= 1
      })
      most = Math.max(most, count)
      take?.(frame)
    }
  }
  for (let i = 0; i < 300; i += 1) ada.client.room(`room ${i}`).timeline()
  await world.time.pass(10_000)
  expect(most).toBeGreaterThan(10)
  expect(most).toBeLessThanOrEqual(100)
  world.close()
})
