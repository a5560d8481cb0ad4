import { RoomlogClient } from '../src/client.ts'
import type { ClientOptions } from '../src/client-options.ts'
import type { Send } from '../src/outbox/outbox-state.ts'
import type { Room } from '../src/rooms/room.ts'
import type { Timeline } from '../src/timeline/timeline.ts'
import type { TimelineSnapshot } from '../src/timeline/timeline-snapshot.ts'
import { ModelServer } from './model-server.ts'
import { VirtualTime } from './virtual-time.ts'

export const ROOM = 'room'

/** A person at a device of their own. */
export interface Person {
  readonly client: RoomlogClient
  readonly room: Room
  readonly timeline: Timeline
  readonly snapshot: TimelineSnapshot
  /** Bodies, in the order shown. */
  readonly shown: readonly string[]
  /** Every state that each of their messages has had, by clientMsgId. */
  readonly states: ReadonlyMap<string, readonly Send['state'][]>
  /** Somebody looks at the device, or its network seems to have come or gone. */
  wake(): void
}

/** A server, people, and a clock that they share. */
export class World {
  readonly time = new VirtualTime()
  readonly server = new ModelServer(this.time)
  readonly people: Person[] = []
  /** Of all people; 0.5 draws the middle of everything. */
  random: () => number = () => 0.5

  constructor() {
    this.server.addRoom(ROOM, [])
  }

  get bodies(): readonly string[] {
    return this.server.room(ROOM).log.map(({ body }) => body)
  }

  newClient(options: Partial<ClientOptions> = {}): { client: RoomlogClient; wake: () => void } {
    const wakes = new Set<() => void>()
    let ids = 0
    const name = this.people.length
    const client = new RoomlogClient({
      url: 'http://api',
      ...options,
      platform: {
        ...this.time.parts,
        fetch: this.server.fetch,
        WebSocket: this.server.WebSocket,
        random: () => this.random(),
        newId: () => {
          ids += 1
          return `client-${name}-${ids}`
        },
        onWake: (listener) => {
          wakes.add(listener)
          return () => wakes.delete(listener)
        },
        ...options.platform,
      },
    })
    return {
      client,
      wake: () => {
        for (const listener of wakes) listener()
      },
    }
  }

  /** Signs somebody in who is a member of the room, and follows it. */
  async enter(name: string, options: Partial<ClientOptions> = {}): Promise<Person> {
    const { client, wake } = this.newClient(options)
    this.server.room(ROOM).members.add(name)
    const login = client.login({ username: name, password: '' })
    await this.time.pass(1000)
    await login
    client.connect()
    const room = client.room(ROOM)
    const timeline = room.timeline()
    const states = new Map<string, Send['state'][]>()
    client.on('send', ({ clientMsgId, state }) => {
      const before = states.get(clientMsgId) ?? []
      states.set(clientMsgId, before.at(-1) === state ? before : [...before, state])
    })
    const person = {
      ...{ client, room, timeline, states, wake },
      get snapshot() {
        return timeline.snapshot.get()
      },
      get shown() {
        return timeline.snapshot.get().messages.map(({ body }) => body)
      },
    }
    this.people.push(person)
    return person
  }

  /** Time in which everything that is possible happens. */
  async rest(ms = 120_000): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 1000) {
      this.server.persist()
      await this.time.pass(1000)
    }
  }

  close(): void {
    for (const { client } of this.people) client.close()
  }
}
