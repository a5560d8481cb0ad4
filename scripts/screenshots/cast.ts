import { memorySessionStore, RoomlogClient, RoomlogError } from '@roomlog/client'
import { seedMessages } from '../seed-messages.ts'
import type { RunState } from '../start/run-file.ts'
import { type Name, PEOPLE, STORIES } from './story.ts'

const MINUTE_MS = 60_000
const SHOWN: Name = 'nora'

export interface Cast extends Disposable {
  readonly username: string
  /** As the page keeps it. */
  readonly session: string
  /** By their names. */
  readonly rooms: ReadonlyMap<string, string>
  /** Everybody but who is shown. */
  readonly others: ReadonlyMap<Name, RoomlogClient>
}

/** Signs everybody up, lets them say what the stories have, and keeps the others connected. */
export async function castStories({ urls, databaseUrl }: RunState): Promise<Cast> {
  const password = crypto.randomUUID()
  const clients = new Map<Name, RoomlogClient>()
  const shownSession = memorySessionStore()
  for (const name of Object.keys(PEOPLE) as Name[]) {
    const sessionStore = name === SHOWN ? shownSession : memorySessionStore()
    clients.set(name, await signedUp(new RoomlogClient({ url: urls.api, sessionStore }), name, password))
  }
  const clientOf = (name: Name) => {
    const client = clients.get(name)
    if (client === undefined) throw new Error(`nobody is ${name}`)
    return client
  }
  const idOf = (name: Name) => clientOf(name).user.get()?.id ?? ''
  const shown = clientOf(SHOWN)
  const rooms = new Map<string, string>()
  for (const { room, visibility, members, lines, unread = 0 } of STORIES.toReversed()) {
    const { id } = await shown.createRoom({ name: room, visibility })
    rooms.set(room, id)
    for (const name of members) await shown.api.addMember(id, clientOf(name).user.get()?.username ?? '')
    await seedMessages(
      databaseUrl,
      id,
      lines.map(({ by, minutesAgo, body }) => ({
        ...{ senderId: idOf(by), body },
        createdAt: new Date(Date.now() - minutesAgo * MINUTE_MS),
      })),
    )
    const { messages } = await shown.api.history(id, { after: 0, limit: 100 })
    const read = messages.at(-1 - unread)
    if (read !== undefined) await shown.api.read(id, read.id)
    for (const name of members) {
      const last = messages.at(-1)
      if (last !== undefined) await clientOf(name).api.read(id, last.id)
    }
  }
  const username = shown.user.get()?.username ?? ''
  shown.close()
  const others = new Map([...clients].filter(([name]) => name !== SHOWN))
  // Not all of them are there.
  for (const [name, client] of others) if (name !== 'piet') client.connect()
  return {
    ...{ username, rooms, others, session: JSON.stringify(shownSession.get()) },
    [Symbol.dispose]: () => {
      for (const client of others.values()) client.close()
    },
  }
}

/** Under that username, or one near it where pictures were taken here before. */
async function signedUp(client: RoomlogClient, name: Name, password: string): Promise<RoomlogClient> {
  for (let n = 1; ; n += 1) {
    try {
      const username = n === 1 ? name : `${name}${n}`
      await client.register({ username, password, displayName: PEOPLE[name] })
      return client
    } catch (error) {
      if (!(error instanceof RoomlogError) || error.code !== 'username_taken') throw error
    }
  }
}
