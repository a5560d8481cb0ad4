import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Message } from '@roomlog/protocol/wire'
import { faultProxy, suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { ENGINES, ROOT, type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

const MESSAGES = 200

for (const engine of ENGINES) {
  suiteOn(engine.needs, `two people on the ${engine.name} engine`, () => {
    let roomlog: RunningRoomlog
    const resources = new AsyncDisposableStack()

    beforeAll(async () => {
      const servers = resources.use(await engine.prepare())
      roomlog = resources.use(await startRoomlog({ env: servers.env }))
    })
    afterAll(() => resources.disposeAsync())

    test('the demo shows both every message in order, and the repeat stored once', async () => {
      const { code, output } = await run('scripts/demo.ts', { ROOMLOG_URL: roomlog.apiUrl })
      expect(output).toContain('was sent 2 times and is stored 1 time.')
      expect(output).toContain('in the order of the history: 1 to 6')
      expect(code).toBe(0)
    })

    test.each(['persister', 'ws-edge'])(
      `kill -9 of the %s in the middle of ${MESSAGES} messages`,
      async (victim) => {
        const room = await twoPeople(roomlog)
        const half = Promise.withResolvers<void>()
        let acked = 0
        const talk = async (view: LiveView, name: string) => {
          for (let i = 0; i < MESSAGES / 2; i += 1) {
            await view.send(room.id, `${name} ${i}`)
            acked += 1
            if (acked === MESSAGES / 2) half.resolve()
          }
        }
        const talking = Promise.all([talk(room.ada, 'ada'), talk(room.grace, 'grace')])
        await half.promise
        await roomlog.killService(victim)
        await talking
        await room.everybodySees(MESSAGES)

        const stored = await room.history()
        expect(stored.map((m) => m.seq)).toEqual(upTo(MESSAGES))
        for (const view of [room.ada, room.grace]) {
          expect(ids(view.seen.get(room.id))).toEqual(ids(stored))
          expect(view.violations).toEqual([])
        }
        // Whoever waits for each ack is stored in the order of sending.
        for (const name of ['ada', 'grace']) {
          const bodies = stored.map((m) => m.body).filter((body) => body.startsWith(name))
          expect(bodies).toEqual(Array.from({ length: MESSAGES / 2 }, (_, i) => `${name} ${i}`))
        }
        room.close()
      },
    )

    test('a send whose connection is cut before the ack, repeated, is one row', async () => {
      await using proxy = await faultProxy(roomlog.wsUrl)
      const room = await twoPeople(roomlog, async () => proxy.url)
      await room.ada.send(room.id, 'before')
      await room.everybodySees(1)
      proxy.mute()
      const acked = room.ada.send(room.id, 'repeated')
      // It is stored, and its sender does not know.
      await room.grace.until(() => room.grace.seen.get(room.id)?.length === 2)
      expect(room.ada.seen.get(room.id)).toHaveLength(1)
      const connections = room.ada.connections
      proxy.cut()
      proxy.heal()
      await acked
      expect(room.ada.connections).toBeGreaterThan(connections)
      await room.ada.send(room.id, 'after')
      await room.everybodySees(3)
      expect((await room.history()).map((m) => m.body)).toEqual(['before', 'repeated', 'after'])
      expect([...room.ada.violations, ...room.grace.violations]).toEqual([])
      room.close()
    })
  })
}

/** A room of two who both listen; Ada by a way of her own if `adaUrl` is given. */
async function twoPeople(roomlog: RunningRoomlog, adaUrl?: () => Promise<string>) {
  const run = crypto.randomUUID().slice(0, 8)
  const [ada, grace] = [
    await Person.register(roomlog.apiUrl, `ada_${run}`, 'Ada'),
    await Person.register(roomlog.apiUrl, `grace_${run}`, 'Grace'),
  ]
  const { id } = await ada.createRoom(`Room ${run}`)
  await grace.joinRoom(id)
  const views = { ada: await LiveView.open(ada, [id], adaUrl), grace: await LiveView.open(grace, [id]) }
  const sees = (view: LiveView, count: number) => view.until(() => view.seen.get(id)?.length === count)
  return {
    id,
    ...views,
    history: () => grace.history(id),
    everybodySees: async (count: number) => {
      await Promise.all([sees(views.ada, count), sees(views.grace, count)])
    },
    close: () => {
      views.ada.close()
      views.grace.close()
    },
  }
}

function ids(messages: readonly Message[] = []): readonly string[] {
  return messages.map((m) => `${m.seq} ${m.id} ${m.body}`)
}

function upTo(n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => i + 1)
}

async function run(script: string, env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [join(ROOT, script)], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  return { code, output }
}
