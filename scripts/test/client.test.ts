import { type ClientOptions, type Message, RoomlogClient, until } from '@roomlog/client'
import { BODY, faultProxy, suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { runExample, scene } from './example-run.ts'
import { ENGINES, type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

const FAULTS_MS = 60_000
/** A reset comes after 1 to so many bytes of a connection. */
const MOST_BYTES = 6000
const SEND_EVERY_MS = 200
const PATIENCE = { timeout: 200_000, interval: 200 }
const TEST_TIMEOUT_MS = 300_000

for (const engine of ENGINES) {
  suiteOn(engine.needs, `the client on the ${engine.name} engine`, () => {
    let roomlog: RunningRoomlog
    const resources = new AsyncDisposableStack()

    beforeAll(async () => {
      const servers = resources.use(await engine.prepare())
      roomlog = resources.use(await startRoomlog({ env: { ...servers.env, ...GENEROUS } }))
    })
    afterAll(() => resources.disposeAsync())

    test(
      `connections that are cut at random bytes for ${FAULTS_MS / 1000} s lose, repeat and reorder nothing`,
      async () => {
        await using edge = await faultProxy(roomlog.wsUrl)
        await using api = await faultProxy(roomlog.apiUrl)
        const url = api.url.replace(/\/$/, '')
        const people = [await newTalker(url, edge.url, 'ada'), await newTalker(url, edge.url, 'grace')]
        const [ada, grace] = people.map(({ client }) => client)
        const room = await ada?.createRoom({ name: 'A room in a tunnel' })
        const roomId = room?.id ?? ''
        await grace?.joinRoom(roomId)
        for (const person of people) person.follow(roomId)
        // What they hear begins with the room's newest page: it is still empty.
        for (const { client } of people) {
          await until(client.room(roomId).timeline().snapshot, ({ isLive }) => isLive)
        }

        const bytes = () => 1 + Math.floor(Math.random() * MOST_BYTES)
        for (const proxy of [edge, api]) {
          proxy.resetAfter(bytes, Number.MAX_SAFE_INTEGER)
          proxy.reset()
        }
        const endsAtMs = performance.now() + FAULTS_MS
        let sent = 0
        while (performance.now() < endsAtMs) {
          for (const { client, name } of people) client.room(roomId).send(`${name} ${sent}`)
          sent += 1
          await new Promise((resolve) => setTimeout(resolve, SEND_EVERY_MS))
        }
        for (const proxy of [edge, api]) {
          proxy.heal()
          proxy.reset()
        }

        await vi.waitFor(() => {
          const all = sent * people.length
          const rest = people.map(({ client, seen }) => ({
            ...{
              status: client.connection.get(),
              seen: seen.length,
              sends: client.room(roomId).sends.length,
            },
            isLive: client.room(roomId).timeline().snapshot.get().isLive,
          }))
          const done = { status: { status: 'online' }, seen: all, sends: 0, isLive: true }
          expect(rest).toEqual([done, done])
        }, PATIENCE)
        const stored = await historyOf(people[0]?.client, roomId)
        expect(stored.map(({ seq }) => seq)).toEqual(upTo(sent * people.length))
        for (const { name, seen, connections } of people) {
          expect(ids(seen)).toEqual(ids(stored))
          const mine = stored.filter(({ body }) => body.startsWith(name)).map(({ body }) => body)
          expect(mine).toEqual(upTo(sent).map((i) => `${name} ${i - 1}`))
          expect(connections()).toBeGreaterThan(3)
        }
        for (const { client } of people) client.close()
      },
      TEST_TIMEOUT_MS,
    )

    describe('the recipes', () => {
      test('chat: what is typed is said, what is said is shown', async () => {
        const { args, say } = await scene(roomlog)
        await using chat = runExample('chat.ts', args)
        chat.stdin?.write('hello from a terminal\n')
        await chat.shows('Ada hello from a terminal')
        await say('welcome')
        await chat.shows('Grace welcome')
      })

      test('bot: each ping is answered once, and none again when it starts anew', async () => {
        const { args, say, said } = await scene(roomlog)
        {
          await using bot = runExample('bot.ts', args)
          await bot.shows('online')
          for (let i = 0; i < 3; i += 1) await say('ping')
          await vi.waitFor(async () => expect(await said('pong to')).toHaveLength(3), PATIENCE)
        }
        await say('ping')
        await using again = runExample('bot.ts', args)
        await again.shows('online')
        await vi.waitFor(async () => {
          const answers = await said('pong to')
          expect(answers).toHaveLength(4)
          expect(new Set(answers).size).toBe(4)
        }, PATIENCE)
      })

      test('send-states: two are stored, and one is refused', async () => {
        const { args, said } = await scene(roomlog)
        await using sender = runExample('send-states.ts', args)
        await sender.ended
        expect(sender.output().trim().split('\n').toSorted()).toEqual([
          ': queued',
          ': rejected (validation_failed)',
          ': rejected (validation_failed)',
          ...['one: accepted', 'one: persisted', 'one: queued'],
          ...['two: accepted', 'two: persisted', 'two: queued'],
        ])
        expect(await said('')).toEqual(['one', 'two'])
      })

      test('history: the first unread message, the first of all, and all read', async () => {
        const { args, say } = await scene(roomlog)
        for (let i = 1; i <= 130; i += 1) await say(`${BODY} ${i}`)
        await using reader = runExample('history.ts', args)
        await reader.ended
        expect(reader.output()).toBe(
          `130 unread, the first is ${BODY} 1\nthe room begins with ${BODY} 1\n0 unread\n`,
        )
      })

      test('history-to-csv: every message, in order, whatever is in it', async () => {
        const { args, say } = await scene(roomlog)
        for (let i = 1; i <= 101; i += 1) await say(`message ${i}`)
        await say('she said "yes",\nand left')
        await using writer = runExample('history-to-csv.ts', args)
        await writer.ended
        const [head, first, ...rest] = writer.output().split('\r\n')
        expect(head).toBe('"seq","time","sender","message"')
        expect(first).toMatch(/^"1","\d{4}-.*Z","Grace","message 1"$/)
        expect(rest.at(-2)).toMatch(/^"102","[^"]+","Grace","she said ""yes"",\nand left"$/)
        expect(rest).toHaveLength(102)
      })

      test('people: who is here, and who types', async () => {
        const { args, grace, roomId } = await scene(roomlog)
        await using shown = runExample('people.ts', args)
        await shown.shows('Grace is away')
        const client = new RoomlogClient({ url: roomlog.apiUrl })
        await client.login(grace)
        client.connect()
        await shown.shows('Grace comes')
        await vi.waitFor(() => expect(client.rooms.get().has(roomId)).toBe(true), PATIENCE)
        await vi.waitFor(async () => {
          client.room(roomId).setTyping(true)
          expect(shown.output()).toContain('1 typing')
        }, PATIENCE)
        client.close()
      })
    })
  })
}

/** Examples sign in, each from this address. */
const GENEROUS = { LOGINS_PER_MINUTE: '1000', REGISTRATIONS_PER_MINUTE: '1000' }

/** Somebody whose every connection goes through the proxies, with the shortest pauses that a client makes. */
async function newTalker(url: string, edgeUrl: string, name: string) {
  let connections = 0
  class ProxiedWebSocket extends WebSocket {
    constructor(_url: string, protocols: string[]) {
      super(edgeUrl, protocols)
      connections += 1
    }
  }
  const platform: ClientOptions['platform'] = { WebSocket: ProxiedWebSocket, random: () => 0 }
  const client = new RoomlogClient({ url, platform })
  const username = `${name}_${crypto.randomUUID().slice(0, 8)}`
  await client.register({ username, password: crypto.randomUUID(), displayName: name })
  client.connect()
  const seen: Message[] = []
  return {
    ...{ client, name, seen },
    connections: () => connections,
    follow: (roomId: string) =>
      client
        .room(roomId)
        .timeline()
        .on('messages', (messages) => void seen.push(...messages)),
  }
}

async function historyOf(client: RoomlogClient | undefined, roomId: string): Promise<readonly Message[]> {
  const all: Message[] = []
  for (;;) {
    const page = await client?.api.history(roomId, { after: all.length, limit: 100 })
    all.push(...(page?.messages ?? []))
    if (page?.hasMore !== true) return all
  }
}

function ids(messages: readonly Message[]): readonly string[] {
  return messages.map((m) => `${m.seq} ${m.id} ${m.body}`)
}

function upTo(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => i + 1)
}
