import type { Message } from '@roomlog/protocol/wire'
import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { ENGINES, type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

const MESSAGES = 200
/** More than the grace of a closed socket and the next look at who is due take. */
const PATIENCE = { timeout: 30_000 }

for (const engine of ENGINES) {
  suiteOn(engine.needs, `two edges and two persisters on the ${engine.name} engine`, () => {
    let roomlog: RunningRoomlog
    const resources = new AsyncDisposableStack()

    beforeAll(async () => {
      const servers = resources.use(await engine.prepare())
      roomlog = resources.use(await startRoomlog({ env: servers.env, edges: 2, persisters: 2 }))
    })
    afterAll(() => resources.disposeAsync())

    test('are all that run, and both edges are named', async () => {
      const { services, urls } = await roomlog.state()
      expect(services.map(({ name }) => name).toSorted()).toEqual([
        'api',
        'persister-1',
        'persister-2',
        'ws-edge-1',
        'ws-edge-2',
      ])
      const ada = await newPerson(roomlog, 'ada')
      expect(await ada.wsUrls()).toEqual(urls.ws)
    })

    test('people on either edge see the same messages in the same order', async () => {
      await using room = await roomOf(roomlog)
      const talk = async (view: LiveView, name: string) => {
        for (let i = 0; i < 20; i += 1) await view.send(room.id, `${name} ${i}`)
      }
      await Promise.all([talk(room.ada, 'ada'), talk(room.grace, 'grace'), talk(room.linus, 'linus')])
      await room.allSee(60)
      const stored = ids(await room.people.ada.history(room.id))
      expect(new Set(stored).size).toBe(60)
      for (const view of [room.ada, room.grace, room.linus]) {
        expect(ids(view.seen.get(room.id))).toEqual(stored)
        expect(view.violations).toEqual([])
      }
    })

    test('whom the owner removes is told on the other edge, and hears and says nothing after', async () => {
      await using room = await roomOf(roomlog)
      const { ada, grace, linus, people } = room
      await ada.send(room.id, 'before')
      await room.allSee(1)
      await people.ada.removeMember(room.id, people.grace.session.user.id)
      await grace.until(() => grace.removedFrom.has(room.id))
      for (let i = 0; i < 20; i += 1) await ada.send(room.id, `after ${i}`)
      // He is on Grace's edge: what it had for her it would have handed over by now.
      await linus.until(() => linus.seen.get(room.id)?.length === 21)
      expect(grace.seen.get(room.id)).toHaveLength(1)
      await expect(grace.send(room.id, 'let me in')).rejects.toThrow('not_a_member')
      await expect(people.grace.history(room.id)).rejects.toThrow('not_a_member')
      await expect(people.grace.joinRoom(room.id)).rejects.toThrow('forbidden')
      for (const view of [ada, grace, linus]) expect(view.violations).toEqual([])
    })

    test('presence comes and goes over the edges, each transition once', async () => {
      await using room = await roomOf(roomlog)
      const { ada, people } = room
      const guest = await newPerson(roomlog, 'guest')
      await guest.joinRoom(room.id)
      const { id } = guest.session.user
      const heard = () => ada.presence.filter(({ userId }) => userId === id).map(({ online }) => online)
      const shown = async () =>
        (await people.grace.members(room.id)).find(({ user }) => user.id === id)?.online
      expect(await shown()).toBe(false)
      const come = () => LiveView.open(guest, [room.id], edgesFrom(guest, 1))
      for (const round of [1, 2]) {
        const view = await come()
        await expect.poll(heard, PATIENCE).toEqual(round === 1 ? [true] : [true, false, true])
        await expect.poll(shown).toBe(true)
        view.close()
        if (round === 1) await expect.poll(heard, PATIENCE).toEqual([true, false])
      }
      await expect.poll(heard, PATIENCE).toEqual([true, false, true, false])
      expect(await shown()).toBe(false)
      const online = (await people.ada.members(room.id)).filter((member) => member.online)
      expect(online.map(({ user }) => user.displayName).toSorted()).toEqual(['ada', 'grace', 'linus'])
    })

    test.each(['ws-edge-1', 'persister-1'])(
      `kill -9 of %s in the middle of ${MESSAGES} messages loses and repeats nothing`,
      async (victim) => {
        // Whoever died in the test before is back.
        await vi.waitFor(() => allReady(roomlog), PATIENCE)
        await using room = await roomOf(roomlog)
        const views = { ada: room.ada, grace: room.grace }
        const everybody = [room.ada, room.grace, room.linus]
        const connections = everybody.map((view) => view.connections)
        const half = Promise.withResolvers<void>()
        let acked = 0
        const talk = async (view: LiveView, name: string) => {
          for (let i = 0; i < MESSAGES / 2; i += 1) {
            await view.send(room.id, `${name} ${i}`)
            acked += 1
            if (acked === MESSAGES / 2) half.resolve()
          }
        }
        const talking = Promise.all(Object.entries(views).map(([name, view]) => talk(view, name)))
        await half.promise
        await roomlog.killService(victim)
        await talking
        await room.allSee(MESSAGES)

        const stored = await room.people.linus.history(room.id)
        expect(stored.map((m) => m.seq)).toEqual(Array.from({ length: MESSAGES }, (_, i) => i + 1))
        expect(new Set(stored.map((m) => m.body)).size).toBe(MESSAGES)
        for (const view of everybody) {
          expect(ids(view.seen.get(room.id))).toEqual(ids(stored))
          expect(view.violations).toEqual([])
        }
        // Ada was on the first edge and went to the second; the others never lost theirs.
        const moved = victim === 'ws-edge-1' ? [1, 0, 0] : [0, 0, 0]
        expect(everybody.map((view, i) => view.connections - (connections[i] ?? 0))).toEqual(moved)
        const online = (await room.people.grace.members(room.id)).filter((member) => member.online)
        expect(online).toHaveLength(3)
      },
    )
  })
}

async function allReady(roomlog: RunningRoomlog): Promise<void> {
  const { services } = await roomlog.state()
  for (const { port } of services) expect((await fetch(`http://localhost:${port}/readyz`)).status).toBe(200)
}

/** A room of Ada, who owns it and listens on the first edge, with Grace and Linus on the second. */
async function roomOf(roomlog: RunningRoomlog) {
  const people = {
    ada: await newPerson(roomlog, 'ada'),
    grace: await newPerson(roomlog, 'grace'),
    linus: await newPerson(roomlog, 'linus'),
  }
  const { id } = await people.ada.createRoom('A room over two edges')
  for (const person of [people.grace, people.linus]) await person.joinRoom(id)
  const open = (person: Person, edge: number) => LiveView.open(person, [id], edgesFrom(person, edge))
  const views = {
    ada: await open(people.ada, 0),
    grace: await open(people.grace, 1),
    linus: await open(people.linus, 1),
  }
  return {
    id,
    people,
    ...views,
    allSee: async (count: number) => {
      const sees = (view: LiveView) => view.until(() => view.seen.get(id)?.length === count)
      await Promise.all(Object.values(views).map(sees))
    },
    [Symbol.asyncDispose]: async () => {
      for (const view of Object.values(views)) view.close()
    },
  }
}

function newPerson(roomlog: RunningRoomlog, name: string): Promise<Person> {
  return Person.register(roomlog.apiUrl, `${name}_${crypto.randomUUID().slice(0, 8)}`, name)
}

/** One edge, and at each loss the next of those that the api names. */
function edgesFrom(person: Person, first: number): () => Promise<string> {
  let attempt = 0
  return async () => {
    const urls = await person.wsUrls()
    const url = urls[(first + attempt) % urls.length]
    attempt += 1
    if (url === undefined) throw new Error('the api names no edge')
    return url
  }
}

function ids(messages: readonly Message[] = []): readonly string[] {
  return messages.map((m) => `${m.seq} ${m.id} ${m.body}`)
}
