import { kafka, redis, suiteInContainers, testClient } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { type ArchivedPostgres, archivedPostgres } from './archived-postgres.ts'
import { Fleet } from './fleet.ts'
import { command } from './operator-world.ts'

const PATIENCE = { timeout: 90_000, interval: 50 }
const RESTORE_MS = 300_000

suiteInContainers('a restore from a base backup and archived WAL', () => {
  const resources = new AsyncDisposableStack()
  let postgres: ArchivedPostgres
  let fleet: Fleet
  let env: Readonly<Record<string, string>>
  let ada: Person
  let grace: Person
  let room: string
  let views: readonly LiveView[]

  beforeAll(async () => {
    postgres = resources.use(await archivedPostgres())
    const broker = resources.use(await kafka())
    const { url } = resources.use(await redis(broker.namespace))
    env = {
      ENGINE: 'full',
      NAMESPACE: broker.namespace,
      DATABASE_URL: postgres.url,
      KAFKA_BROKERS: broker.brokers.join(),
      REDIS_URL: url,
    }
    fleet = resources.use(await Fleet.prepare({ env, edges: 2 }))
    await fleet.start()
    const [apiUrl = ''] = fleet.apiUrls
    ada = await Person.register(apiUrl, 'ada', 'Ada')
    grace = await Person.register(apiUrl, 'grace', 'Grace')
    room = (await ada.createRoom('Restored')).id
    await grace.joinRoom(room)
    const at = (edge: number) => async () => fleet.wsUrls[edge] ?? ''
    views = [await LiveView.open(ada, [room], at(0)), await LiveView.open(grace, [room], at(1))]
    resources.defer(() => {
      for (const view of views) view.close()
    })
  })
  afterAll(() => resources.disposeAsync())

  const say = async (bodies: readonly string[]) => {
    for (const [i, body] of bodies.entries()) await views[i % 2]?.send(room, body)
  }
  const stored = async () => (await grace.history(room)).map(({ body }) => body)
  const everybodySees = (bodies: readonly string[]) =>
    expect
      .poll(() => views.map((view) => view.seen.get(room)?.map(({ body }) => body)), PATIENCE)
      .toEqual([bodies, bodies])
  const watch = async () => {
    const clients = await Promise.all(
      fleet.wsUrls.map((url) => testClient(url, { token: ada.session.accessToken })),
    )
    for (const client of clients) {
      client.send({ type: 'joinRoom', roomId: room })
      await client.next('joinedRoom')
    }
    return clients
  }
  const restored = (...args: readonly string[]) => command('restored', args, env)
  const audit = (...args: readonly string[]) => command('audit', ['--older-than', '0', ...args], env)

  test('to a moment between two messages: everybody starts anew, and the rest is stored again from the log', {
    timeout: RESTORE_MS,
  }, async () => {
    const [before, after] = [numbered('before the backup', 5), numbered('after the backup', 5)]
    await say(before)
    await everybodySees(before)
    await postgres.takeBaseBackup()
    await say(after)
    const kept = [...before, ...after]
    await everybodySees(kept)
    const moment = await postgres.now()
    const later = numbered('after the moment', 10)
    await say(later)
    await everybodySees([...kept, ...later])
    await postgres.archived()
    const watchers = await watch()

    await postgres.kill()
    await fleet.stop(['persister'])
    const meanwhile = numbered('while it is away', 3)
    await say(meanwhile)
    await postgres.restoreTo(moment)
    expect(await restored()).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('The log has 10 records'),
    })
    expect(await restored('--yes')).toMatchObject({ code: 0, stderr: '' })
    for (const watcher of watchers) expect((await watcher.closed).code).toBe(1012)
    await fleet.start(['persister'])
    const again = [...kept, ...later, ...meanwhile]
    await expect.poll(stored, PATIENCE).toEqual(again)
    const more = numbered('past the old head', 15)
    await say(more)
    await everybodySees([...again, ...more])
    expect(await stored()).toEqual([...again, ...more])
    expect(await audit('--full')).toMatchObject({ code: 0, stderr: '' })
  })

  test('that persisters have worked on before anybody told: told then, and repaired, it has everything', {
    timeout: RESTORE_MS,
  }, async () => {
    const kept = await stored()
    await postgres.takeBaseBackup()
    const moment = await postgres.now()
    const passedOver = numbered('passed over', 5)
    await say(passedOver)
    await everybodySees([...kept, ...passedOver])
    // The auditor has seen them stored.
    expect(await audit()).toMatchObject({ code: 0 })
    await postgres.archived()
    await postgres.kill()
    await postgres.restoreTo(moment)
    const onTop = numbered('on top', 3)
    await say(onTop)
    await expect.poll(stored, PATIENCE).toEqual([...kept, ...onTop])
    expect(await audit()).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/accepted, not stored +5\n/),
    })

    await fleet.stop(['persister'])
    expect(await restored('--yes')).toMatchObject({ code: 0, stderr: '' })
    await fleet.start(['persister'])
    expect(await audit('--repair')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('appended again'),
    })
    await everybodySees([...kept, ...onTop, ...passedOver])
    expect(await stored()).toEqual([...kept, ...onTop, ...passedOver])
    expect(await audit('--full')).toMatchObject({ code: 0, stderr: '' })
    expect(views.flatMap(({ violations }) => violations)).toEqual([])
  })
})

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i + 1}`)
}
