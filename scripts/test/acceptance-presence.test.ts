import { suiteOn, type TestClient } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Expiries, type PresenceStore, presenceStore } from './acceptance-presence-store.ts'
import { PATIENCE, type Somebody, startWorld, type World } from './acceptance-world.ts'
import { ENGINES } from './running-roomlog.ts'

const TTL_MS = 60_000
/** So many that one is renewed soon: an edge spreads its sockets over 20 s. */
const DEVICES = 10
/** A turn of renewal takes 20 s at most, and an interval of looks. */
const RENEWAL_PATIENCE = { timeout: 40_000, interval: 200 }

for (const engine of ENGINES) {
  suiteOn(engine.needs, `acceptance of presence, on the ${engine.name} engine`, () => {
    const resources = new AsyncDisposableStack()
    let world: World
    let store: PresenceStore

    beforeAll(async () => {
      world = resources.use(await startWorld(engine, { edges: 2 }))
      store = presenceStore(world)
    })
    afterAll(() => resources.disposeAsync())

    /** Who comes and goes, and one on the second edge who shares a room and watches. */
    async function pair() {
      const [guest, host] = [await world.register('guest'), await world.register('host')]
      const roomId = await host.newRoom(guest)
      const [first = '', second = ''] = (await world.roomlog.state()).urls.ws
      const watching = await host.connect(roomId, second)
      return {
        guest,
        watching,
        first,
        second,
        isOnline: () => host.isOnline(guest, roomId),
        heard: () => heardOf(watching, guest),
        [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
      }
    }

    // Side by side, for most of it is waiting; each has people of its own.
    describe.concurrent('the presence key', () => {
      test('with TTL 60 s is made at connect', async ({ expect }) => {
        await using people = await pair()
        const { guest, second } = people
        expect(await people.isOnline()).toBe(false)
        const before = await store.nowMs()
        await using client = await guest.connect(undefined, second)
        await expect.poll(() => store.expiries(guest.id), PATIENCE).toHaveProperty(idOf(client))
        const expiries = await store.expiries(guest.id)
        const keyExpiry = await store.keyExpiry(guest.id)
        const after = await store.nowMs()
        expect(Object.keys(expiries)).toEqual([idOf(client)])
        // Both were set at one moment between the two looks at the store's clock, 60 s ahead.
        for (const expiry of [expiries[idOf(client)], keyExpiry]) {
          expect(expiry).toBeGreaterThanOrEqual(before + TTL_MS)
          expect(expiry).toBeLessThanOrEqual(after + TTL_MS)
        }
        expect(await people.isOnline()).toBe(true)
      })

      test('is renewed by heartbeat', async ({ expect }) => {
        const guest = await world.register('guest')
        const [, url = ''] = (await world.roomlog.state()).urls.ws
        // Not even the edge's pings are answered: nothing of these is heard after the handshake.
        await using silent = await devices(guest, url)
        await expect.poll(() => store.expiries(guest.id), PATIENCE).toSatisfy(hasAll(silent))
        /** Which of them is renewed next, and until when; `act` is done at each look. */
        const nextRenewed = async (those: readonly string[], act: () => void = () => undefined) => {
          const since = await store.expiries(guest.id)
          const renewed = async () => {
            act()
            const now = await store.expiries(guest.id)
            return those.flatMap((id) => ((now[id] ?? 0) > (since[id] ?? 0) ? [{ id, expiry: now[id] }] : []))
          }
          const found: Awaited<ReturnType<typeof renewed>> = []
          await expect.poll(async () => found.push(...(await renewed())), RENEWAL_PATIENCE).toBeGreaterThan(0)
          return found[0] ?? { id: '', expiry: 0 }
        }
        // The handshake was a sign of life, so each is renewed once, whatever it does.
        const quiet = await nextRenewed(silent.ids)
        // Those come later: when one of them is renewed a second time, the quiet one's second turn is over too.
        await using beating = await devices(guest, url)
        await expect.poll(() => store.expiries(guest.id), PATIENCE).toSatisfy(hasAll(beating))
        const { id } = await nextRenewed(beating.ids, beating.beat)
        await nextRenewed([id], beating.beat)
        expect((await store.expiries(guest.id))[quiet.id]).toBe(quiet.expiry)
      })

      test('is removed at disconnect', async ({ expect }) => {
        await using people = await pair()
        const { guest, second } = people
        const client = await guest.connect(undefined, second)
        await expect.poll(() => store.keyExpiry(guest.id), PATIENCE).toBeDefined()
        await expect.poll(people.heard, PATIENCE).toEqual([true])
        await client.close()
        await expect.poll(() => store.keyExpiry(guest.id), PATIENCE).toBeUndefined()
        expect(await store.expiries(guest.id)).toEqual({})
        expect(await people.isOnline()).toBe(false)
        await expect.poll(people.heard, PATIENCE).toEqual([true, false])
      })

      test('of several devices holds a field for each, and goes with the last', async ({ expect }) => {
        await using people = await pair()
        const { guest, second } = people
        const fields = async () => Object.keys(await store.expiries(guest.id)).toSorted()
        const desk = await guest.connect(undefined, second)
        const phone = await guest.connect(undefined, second)
        await expect.poll(fields, PATIENCE).toEqual([idOf(desk), idOf(phone)].toSorted())
        await desk.close()
        await expect.poll(fields, PATIENCE).toEqual([idOf(phone)])
        expect(await people.isOnline()).toBe(true)
        await phone.close()
        await expect.poll(fields, PATIENCE).toEqual([])
        await expect.poll(people.isOnline, PATIENCE).toBe(false)
        await expect.poll(people.heard, PATIENCE).toEqual([true, false])
      })

      test('is gone after 60 s of silence', async ({ expect }) => {
        await using people = await pair()
        const { guest, first, second } = people
        const client = await guest.connect(undefined, first)
        await expect.poll(people.heard, PATIENCE).toEqual([true])
        await expect.poll(() => store.keyExpiry(guest.id), PATIENCE).toBeDefined()
        await world.roomlog.killService('ws-edge-1')
        await client.closed
        // Nobody took the socket's presence back, and nobody is left to renew it: it ends by itself, within 60 s.
        const left = await store.expiries(guest.id)
        expect(Object.keys(left)).toEqual([idOf(client)])
        expect((await store.keyExpiry(guest.id)) ?? 0).toBeLessThanOrEqual((await store.nowMs()) + TTL_MS)
        expect(await people.isOnline()).toBe(true)
        const otherEdge = (await world.roomlog.state()).services.find(({ name }) => name === 'ws-edge-1')
        await expect
          .poll(
            () => fetch(`http://localhost:${otherEdge?.port}/readyz`).then((it) => it.status, Number),
            PATIENCE,
          )
          .toBe(200)
        expect(await store.expiries(guest.id)).toEqual(left)

        // The 60 s, without waiting for them.
        await store.age(guest.id, TTL_MS)
        expect(await people.isOnline()).toBe(false)
        await expect.poll(people.heard, PATIENCE).toEqual([true, false])
        expect(await store.expiries(guest.id)).toEqual({})
        // Another offline would stand before this online: signals of presence keep their order.
        await using again = await guest.connect(undefined, second)
        await expect.poll(people.heard, PATIENCE).toEqual([true, false, true])
        expect(again.frames[0]?.type).toBe('welcome')
      })
    })
  })
}

interface Devices extends AsyncDisposable {
  /** Of the sockets, as the edge names them. */
  readonly ids: readonly string[]
  /** A heartbeat of each. */
  beat(): void
}

/** Sockets that leave pings unanswered. */
async function devices({ session }: Somebody, url: string): Promise<Devices> {
  const opened = Array.from({ length: DEVICES }, async () => {
    const socket = new WebSocket(url, ['roomlog.v1', `bearer.${session.accessToken}`], { autoPong: false })
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    socket.once('message', (data) => resolve(JSON.parse(String(data)).connectionId))
    socket.once('error', reject)
    return { socket, id: await promise }
  })
  const all = await Promise.all(opened)
  return {
    ids: all.map(({ id }) => id),
    beat: () => {
      for (const { socket } of all) socket.send(JSON.stringify({ type: 'heartbeat' }))
    },
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of all) socket.terminate()
    },
  }
}

function hasAll({ ids }: Devices): (expiries: Expiries) => boolean {
  return (expiries) => ids.every((id) => id in expiries)
}

function idOf(client: TestClient): string {
  return String(client.frames[0]?.connectionId)
}

function heardOf(client: TestClient, { id }: Somebody): readonly unknown[] {
  return client.frames.flatMap((frame) =>
    frame.type === 'presence' && frame.userId === id ? [frame.online] : [],
  )
}
