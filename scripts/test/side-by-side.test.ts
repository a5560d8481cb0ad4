import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROLES } from '@roomlog/db'
import { collector, suiteOn } from '@roomlog/testkit'
import { check, Recorder, readHistory } from '@roomlog/testkit/proof'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CROWD, Crowd } from '../chaos/load/crowd.ts'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { Fleet, fleetServers } from './fleet.ts'
import { command } from './operator-world.ts'
import { checkOutPrevious, noPrevious, type Previous } from './previous.ts'
import { ENGINES, newFolder } from './running-roomlog.ts'

const TALK_MS = 6_000
/** Of each client, as the checker asks for. */
const ANSWERS = 5
const SETTLE_SENDS_MS = 60_000
const SETTLE_MS = 5_000
const TEST_TIMEOUT_MS = 400_000
const SIZE = { ...CROWD, clients: 12, rooms: 4, roomsEach: 2, messagesPerSecond: 40, churners: 2 }
const LIMITS = {
  LOGINS_PER_MINUTE: '100000',
  HANDSHAKES_PER_SECOND: '100000',
  HANDSHAKE_BURST: '100000',
}

let previous: Previous
const reason = await noPrevious()
if (reason !== undefined) {
  console.warn(`SKIPPED: no previous version to run beside this one, ${reason}`)
  test.skip(`side by side with the previous version: skipped, ${reason}`, () => undefined)
} else {
  beforeAll(async () => {
    previous = await checkOutPrevious()
  })
  afterAll(() => previous[Symbol.asyncDispose]())
  for (const engine of ENGINES) {
    const needs = [...new Set([...engine.needs, 'postgres' as const])]
    suiteOn(needs, `the previous and the present version on the ${engine.name} engine`, () =>
      sideBySide(engine.name),
    )
  }
}

/** On a database of the present version's schema. */
function sideBySide(engine: 'embedded' | 'full'): void {
  const resources = new AsyncDisposableStack()
  let fleet: Fleet
  let env: Readonly<Record<string, string>>

  beforeAll(async () => {
    const servers = resources.use(await fleetServers(engine))
    // Records of the present version then have a header that the previous one may not know.
    const traces = resources.use(await collector())
    env = { ...servers.env, ...LIMITS, OTEL_EXPORTER_OTLP_ENDPOINT: traces.url }
    fleet = resources.use(await Fleet.prepare({ env, apis: 2, edges: 2, persisters: 2 }))
  })
  afterAll(() => resources.disposeAsync())

  test(
    'hold one conversation, whichever of them stores, delivers and answers',
    async () => {
      const folder = await newFolder()
      resources.defer(() => rm(folder, { recursive: true, force: true }))
      const recorder = Recorder.open(folder)
      const own = recorder.of('nemesis')
      own.write({ type: 'run', commit: 'side by side', engine, faults: [], seed: 1 })
      await fleet.start(['persister-1', 'api', 'ws-edge-1'], previous.root)
      await fleet.start(['ws-edge-2'])
      const crowd = await Crowd.gather(SIZE, {
        apiUrl: fleet.apiUrls[0] ?? '',
        wsUrls: fleet.wsUrls,
        recorder,
        seed: 1,
      })
      own.write({ type: 'phase', phase: 'load' })
      crowd.start()
      await sleep(TALK_MS)
      await fleet.start(['persister-2'])
      await sleep(TALK_MS)
      await fleet.stop(['persister-1', 'api'])
      await fleet.start(['api'])
      own.write({ type: 'phase', phase: 'healed' })
      own.write({ type: 'ready' })
      await everybodyIsHeard(crowd)
      await crowd.stop()
      own.write({ type: 'phase', phase: 'stopped' })
      await crowd.settle(SETTLE_SENDS_MS)
      await sleep(SETTLE_MS)
      own.write({ type: 'phase', phase: 'settled' })
      await crowd.readEverything()
      own.write({ type: 'phase', phase: 'over' })
      crowd.close()
      recorder.close()
      const { violations, counts } = check(readHistory(folder))
      expect(violations).toEqual([])
      expect(counts.messages).toBeGreaterThan(100)
      expect(counts.lost).toBe(0)
      const { code, stdout } = await command('audit', ['--full', '--older-than', '0'], {
        ...env,
        DATABASE_ROLE: ROLES.edge,
      })
      expect(code, stdout).toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'answer for each other: what one api has begun the other goes on with',
    async () => {
      await fleet.stop()
      await fleet.start(['persister-2', 'api-2', 'ws-edge-2'])
      await fleet.start(['persister-1', 'api', 'ws-edge-1'], previous.root)
      const run = randomUUID().slice(0, 8)
      const [old = '', present = ''] = fleet.apiUrls
      const ada = await Person.register(old, `ada_${run}`, 'Ada')
      const grace = await Person.register(present, `grace_${run}`, 'Grace')
      for (const [owner, guest] of [
        [ada, grace],
        [grace, ada],
      ] as const) {
        const { id: room } = await owner.createRoom('Side by side')
        await guest.joinRoom(room)
        const views = [
          await LiveView.open(ada, [room], async () => fleet.wsUrls[1] ?? ''),
          await LiveView.open(grace, [room], async () => fleet.wsUrls[0] ?? ''),
        ]
        for (const [i, view] of [...views, ...views].entries()) await view.send(room, `${i}`)
        await expect
          .poll(() => views.map((view) => view.seen.get(room)?.length), { timeout: 30_000 })
          .toEqual([4, 4])
        expect(await ada.history(room)).toEqual(await grace.history(room))
        expect(views.flatMap(({ violations }) => violations)).toEqual([])
        for (const view of views) view.close()
      }
      const refreshed = async (apiUrl: string, refreshToken: string) => {
        const answer = await fetch(`${apiUrl}/auth/refresh`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ refreshToken }),
        })
        expect(answer.status).toBe(200)
        return ((await answer.json()) as { refreshToken: string }).refreshToken
      }
      await refreshed(present, await refreshed(old, await refreshed(present, ada.session.refreshToken)))
    },
    TEST_TIMEOUT_MS,
  )
}

/** Resolves when each has had answers to what it said from now on; chance alone would let some say nothing for long. */
async function everybodyIsHeard(crowd: Crowd): Promise<void> {
  const before = crowd.clients.map(({ sends }) => sends.accepted + sends.pending)
  const unheard = () => {
    const silent = crowd.clients.filter(({ sends }, i) => sends.accepted - (before[i] ?? 0) < ANSWERS)
    crowd.speakUp(silent)
    return silent.map(({ name }) => name)
  }
  await expect.poll(unheard, { timeout: 60_000, interval: 50 }).toEqual([])
}
