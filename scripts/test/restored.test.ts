import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, type Database } from '@roomlog/db'
import { suiteOn, type TestClient, testClient } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { Fleet, fleetServers } from './fleet.ts'
import { command, OPERATOR_ENGINES } from './operator-world.ts'
import { newFolder, startRoomlog } from './running-roomlog.ts'

const PATIENCE = { timeout: 60_000, interval: 20 }

for (const { name: engine, needs } of OPERATOR_ENGINES) {
  suiteOn(
    [...needs, ...(engine === 'full' ? (['redis'] as const) : [])],
    `a restore on the ${engine} engine`,
    () => {
      const resources = new AsyncDisposableStack()
      let fleet: Fleet
      let env: Readonly<Record<string, string>> & { readonly DATABASE_URL: string }
      let admin: Database

      beforeAll(async () => {
        const servers = resources.use(await fleetServers(engine))
        env = servers.env
        const url = new URL(env.DATABASE_URL)
        url.pathname = '/postgres'
        admin = connect({ url: url.href, applicationName: 'test-admin', statementTimeoutMs: 60_000 })
        resources.defer(() => admin.close())
        fleet = resources.use(await Fleet.prepare({ env, edges: 2 }))
        await fleet.start()
      })
      afterAll(() => resources.disposeAsync())

      /** Cuts off whoever is connected, as a restore does. */
      async function replace(target: string, source: string): Promise<void> {
        const { db } = admin
        for (const name of [target, source]) {
          await sql`UPDATE pg_database SET datallowconn = false WHERE datname = ${name}`.execute(db)
          await sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ${name}`.execute(
            db,
          )
        }
        await sql`DROP DATABASE IF EXISTS ${sql.id(target)} WITH (FORCE)`.execute(db)
        await sql`CREATE DATABASE ${sql.id(target)} TEMPLATE ${sql.id(source)}`.execute(db)
        await sql`UPDATE pg_database SET datallowconn = true WHERE datname IN (${target}, ${source})`.execute(
          db,
        )
      }

      test('starts everybody anew, stores the tail of the log again, and shows nothing of what it has lost', async () => {
        const run = randomUUID().slice(0, 8)
        const apiUrl = fleet.apiUrls[0] ?? ''
        const [ada, grace] = [
          await Person.register(apiUrl, `ada_${run}`, 'Ada'),
          await Person.register(apiUrl, `grace_${run}`, 'Grace'),
        ]
        const { id: room } = await ada.createRoom('Restored')
        await grace.joinRoom(room)
        const views = [
          await LiveView.open(ada, [room], async () => fleet.wsUrls[0] ?? ''),
          await LiveView.open(grace, [room], async () => fleet.wsUrls[1] ?? ''),
        ]
        let absence: PromiseWithResolvers<void> | undefined
        const away = await LiveView.open(ada, [room], async () => {
          await absence?.promise
          return fleet.wsUrls[0] ?? ''
        })
        const say = async (...bodies: readonly string[]) => {
          for (const [i, body] of bodies.entries()) await views[i % 2]?.send(room, body)
        }
        const everybodySees = (count: number) =>
          expect
            .poll(() => views.map((view) => view.seen.get(room)?.length), PATIENCE)
            .toEqual([count, count])
        const bodies = async () => (await grace.history(room)).map(({ body }) => body)
        const joined = async (wsUrl: string, afterSeq: number): Promise<TestClient> => {
          const client = await testClient(wsUrl, { token: ada.session.accessToken })
          client.send({ type: 'joinRoom', roomId: room, afterSeq })
          return client
        }

        const kept = numbered('kept', 10)
        await say(...kept)
        await everybodySees(10)
        const live = new URL(env.DATABASE_URL).pathname.slice(1)
        const backup = `${live}_backup`
        await replace(backup, live)
        resources.defer(async () => {
          await sql`DROP DATABASE IF EXISTS ${sql.id(backup)} WITH (FORCE)`.execute(admin.db)
        })
        const lost = numbered('stored once', 10)
        await say(...lost)
        await everybodySees(20)
        await away.until(() => away.seen.get(room)?.length === 20)
        absence = Promise.withResolvers()
        const idsBefore = (await grace.history(room)).map(({ id }) => id)

        const running = await command('restored', ['--yes'], env)
        expect(running).toMatchObject({ code: 2, stdout: '' })
        expect(running.stderr).toContain('1 persister is running')
        await fleet.stop(['persister'])
        const waiting = numbered('accepted', 3)
        await say(...waiting)

        const watchers = await Promise.all(fleet.wsUrls.map((url) => joined(url, 20)))
        const answers = await Promise.all(watchers.map((watcher) => watcher.next('joinedRoom')))
        const epochBefore = answers[0]?.epoch
        await replace(live, backup)
        const dry = () => command('restored', [], env)
        // The embedded log came back with a persister that was a member then, and is one until its lease has ended.
        await expect.poll(dry, PATIENCE).toMatchObject({ code: 1, stderr: '' })
        const { stdout } = await dry()
        expect(stdout).toContain('Nothing was changed')
        if (engine === 'full') expect(stdout).toContain('The log has 10 records')
        expect(await command('restored', ['--yes'], env)).toMatchObject({ code: 0, stderr: '' })

        for (const watcher of watchers) expect((await watcher.closed).code).toBe(1012)
        for (const wsUrl of fleet.wsUrls) {
          await expect
            .poll(async () => {
              await using again = await joined(wsUrl, 20)
              return await again.next('joinedRoom')
            }, PATIENCE)
            .toMatchObject({ recovered: false, reason: 'reset', headSeq: 10 })
        }
        await fleet.start(['persister'])
        const again = engine === 'full' ? [...lost, ...waiting] : []
        await expect.poll(bodies, PATIENCE).toEqual([...kept, ...again])
        const after = numbered('afterwards', 15)
        await say(...after)
        await everybodySees(kept.length + again.length + after.length)
        expect(await bodies()).toEqual([...kept, ...again, ...after])
        const history = await grace.history(room)
        for (const view of views) {
          expect(view.seen.get(room)).toEqual(history)
          expect(view.violations).toEqual([])
          view.close()
        }
        // Who was away comes back when the room has outgrown what they know: only the epoch says that it is void.
        expect(history.length).toBeGreaterThan(20)
        await using late = await joined(fleet.wsUrls[0] ?? '', 20)
        const answer = await late.next('joinedRoom')
        expect(answer).toMatchObject({ recovered: true })
        expect(answer.epoch).not.toBe(epochBefore)
        absence.resolve()
        await expect.poll(() => away.seen.get(room), PATIENCE).toEqual(history)
        expect(away.violations).toEqual([])
        away.close()
        // What was lost is another message now, whatever its words.
        const ids = new Set(history.map(({ id }) => id))
        expect(idsBefore.filter((id) => ids.has(id))).toEqual(idsBefore.slice(0, 10))
        const audited = await command('audit', ['--full', '--older-than', '0'], env)
        expect(audited).toMatchObject({ code: 0, stderr: '' })
      })
    },
  )
}

test('a data folder that was put back starts everybody anew', async () => {
  await using resources = new AsyncDisposableStack()
  const dataFolder = await newFolder()
  resources.defer(() => rm(dataFolder, { recursive: true, force: true }))
  const run = randomUUID().slice(0, 8)
  const restoredFrom = (...args: readonly string[]) => command('restored', args, { ROOMLOG_DATA: dataFolder })
  const copy = (from: string, to: string) =>
    promisify(execFile)('cp', ['-a', join(dataFolder, from), join(dataFolder, to)])

  expect((await restoredFrom()).stderr).toContain(`${dataFolder} holds no embedded PostgreSQL`)
  const first = await startRoomlog({ env: {}, dataFolder })
  const ada = await Person.register(first.apiUrl, `ada_${run}`, 'Ada')
  const { id: room } = await ada.createRoom('Put back')
  const said = async (wsUrl: string, bodies: readonly string[]) => {
    await using client = await testClient(wsUrl, { token: ada.session.accessToken })
    client.send({ type: 'joinRoom', roomId: room, afterSeq: 1000 })
    const joined = await client.next('joinedRoom')
    for (const body of bodies) {
      client.send({ type: 'sendMessage', roomId: room, clientMsgId: randomUUID(), body })
      await client.next('newMessage')
    }
    return joined
  }
  await said(first.wsUrl, ['kept'])
  expect(await first.stop()).toBe(0)
  await copy('postgres', 'backup')
  const second = await startRoomlog({ env: {}, dataFolder })
  const { epoch } = await said(second.wsUrl, ['lost 1', 'lost 2'])
  const running = await restoredFrom('--yes')
  expect(running).toMatchObject({ code: 2, stdout: '' })
  expect(running.stderr).toContain(`Roomlog runs from ${dataFolder}: stop it first`)
  expect(await second.stop()).toBe(0)
  await rm(join(dataFolder, 'postgres'), { recursive: true })
  await copy('backup', 'postgres')
  expect(await restoredFrom('--yes')).toMatchObject({ code: 0 })
  const third = resources.use(await startRoomlog({ env: {}, dataFolder }))
  const joined = await said(third.wsUrl, ['new'])
  expect(joined).toMatchObject({ recovered: false, reason: 'reset', headSeq: 1 })
  expect(joined.epoch).not.toBe(epoch)
  const answer = await fetch(`${third.apiUrl}/rooms/${room}/messages`, {
    headers: { authorization: `Bearer ${ada.session.accessToken}` },
  })
  expect(await answer.json()).toMatchObject({ head: 2, messages: [{ body: 'kept' }, { body: 'new' }] })
}, 300_000)

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i + 1}`)
}
