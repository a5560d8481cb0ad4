import { setTimeout as delay } from 'node:timers/promises'
import { newId } from '@roomlog/protocol'
import { BODY, type TestClient, testClient } from '@roomlog/testkit'
import { expect } from 'vitest'
import { Person } from '../person.ts'
import type { MonitoredRoomlog } from './monitored-roomlog.ts'

export const PATIENCE = { timeout: 90_000, interval: 250 }
const TALK_EVERY_MS = 200

/** Alerts do not fire before, and do because of what is done; `done` is told when all of them have. */
export class Causes {
  readonly seen = new Set<string>()
  readonly #world: MonitoredRoomlog

  constructor(world: MonitoredRoomlog) {
    this.#world = world
  }

  async of(alerts: readonly string[], act: (done: AbortSignal) => Promise<unknown>): Promise<void> {
    const mine = async () => (await this.#world.firing()).filter((alert) => alerts.includes(alert))
    await expect.poll(mine, PATIENCE).toEqual([])
    const done = new AbortController()
    const acting = act(done.signal)
    const seen = new Set<string>()
    try {
      await expect
        .poll(async () => {
          for (const alert of await mine()) seen.add(alert)
          return [...seen].toSorted()
        }, PATIENCE)
        .toEqual(alerts.toSorted())
    } finally {
      done.abort()
      await acting
    }
    for (const alert of alerts) this.seen.add(alert)
  }
}

/** Does it again and again until all have fired. */
export async function untilDone(
  done: AbortSignal,
  everyMs: number,
  act: (turn: number) => Promise<unknown> = async () => undefined,
): Promise<void> {
  for (let turn = 0; !done.aborted; turn += 1) {
    await act(turn)
    await delay(everyMs)
  }
}

/** Somebody who says something and asks for something five times a second, whatever comes of it. */
export class Talker implements AsyncDisposable {
  readonly ada: Person
  readonly room: string
  readonly #world: MonitoredRoomlog
  readonly #end = new AbortController()
  #socket: TestClient | undefined
  #talking: readonly Promise<void>[] = []

  private constructor(world: MonitoredRoomlog, ada: Person, room: string) {
    this.#world = world
    this.ada = ada
    this.room = room
  }

  static async begin(world: MonitoredRoomlog): Promise<Talker> {
    const ada = await Person.register(world.stack.apiUrl, 'ada', 'Ada')
    const talker = new Talker(world, ada, (await ada.createRoom('Alerts')).id)
    const socket = await talker.joined(talker.room)
    talker.#socket = socket
    const end = talker.#end.signal
    const say = async () => {
      socket.send({ type: 'sendMessage', roomId: talker.room, clientMsgId: newId(), body: BODY })
    }
    talker.#talking = [untilDone(end, TALK_EVERY_MS, say), untilDone(end, TALK_EVERY_MS, () => talker.me())]
    return talker
  }

  async joined(roomId: string): Promise<TestClient> {
    const [url = ''] = this.#world.stack.wsUrls
    const client = await testClient(url, { token: this.ada.session.accessToken })
    await client.next('welcome')
    client.send({ type: 'joinRoom', roomId })
    await client.next('joinedRoom')
    return client
  }

  async me({ session }: Person = this.ada): Promise<void> {
    const headers = { authorization: `Bearer ${session.accessToken}` }
    const answer = await fetch(`${this.#world.stack.apiUrl}/users/me`, { headers }).catch(() => undefined)
    await answer?.arrayBuffer()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await Promise.all(this.#talking)
    await this.#socket?.[Symbol.asyncDispose]()
  }
}
