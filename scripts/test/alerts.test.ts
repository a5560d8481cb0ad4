import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { encodeCreated, HEADERS, PARTITIONS_DEFAULT, partitionOf, TOPICS } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { suiteOn, type TestClient, testClient } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Person } from '../person.ts'
import { alertRules, dashboardPanels, shipped } from './alert-rules.ts'
import { type MonitoredRoomlog, monitoredRoomlog } from './monitored-roomlog.ts'
import { command, message } from './operator-world.ts'

const PATIENCE = { timeout: 90_000, interval: 250 }
const TALK_EVERY_MS = 200
/** How many partitions after the room's the one is in which nothing is stored from the first cause on. */
const PAUSED = 1
const never = new AbortController().signal

test('every alert says how bad it is, what it means, and where its chapter of the runbook is', () => {
  const chapters = [...shipped('README.md').matchAll(/^## (.+)$/gm)].map(([, title]) => title)
  const rules = alertRules()
  expect(chapters).toEqual(rules.map(({ alert }) => alert))
  for (const { alert, labels, annotations } of rules) {
    expect(['critical', 'warning']).toContain(labels.severity)
    expect(annotations).toEqual({
      summary: expect.any(String),
      description: expect.any(String),
      runbook: `infra/prometheus/README.md#${alert.toLowerCase()}`,
    })
  }
  for (const { title, description } of dashboardPanels()) expect(description, title).toMatch(/\.$/)
})

suiteOn(['prometheus'], 'a Roomlog that is looked at by Prometheus', () => {
  const resources = new AsyncDisposableStack()
  const caused = new Set<string>()
  const troubles: string[] = []
  let world: MonitoredRoomlog
  let ada: Person
  let room = ''
  let socket: TestClient

  beforeAll(async () => {
    world = resources.use(await monitoredRoomlog())
    world.stack.onTrouble = (what) => troubles.push(what)
    ada = await Person.register(world.stack.apiUrl, 'ada', 'Ada')
    room = (await ada.createRoom('Alerts')).id
    socket = resources.use(await joined(room))
    const end = new AbortController()
    const talking = [talk(end.signal), browse(end.signal)]
    resources.defer(async () => {
      end.abort()
      await Promise.all(talking)
    })
  })
  afterAll(() => resources.disposeAsync())

  async function joined(roomId: string): Promise<TestClient> {
    const [url = ''] = world.stack.wsUrls
    const client = await testClient(url, { token: ada.session.accessToken })
    await client.next('welcome')
    client.send({ type: 'joinRoom', roomId })
    await client.next('joinedRoom')
    return client
  }

  /** Says something five times a second, whatever comes of it. */
  async function talk(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await delay(TALK_EVERY_MS))
      socket.send({ type: 'sendMessage', roomId: room, clientMsgId: newId(), body: 'hello' })
  }

  async function browse(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await delay(TALK_EVERY_MS)) await me()
  }

  async function me(): Promise<void> {
    const headers = { authorization: `Bearer ${ada.session.accessToken}` }
    const answer = await fetch(`${world.stack.apiUrl}/users/me`, { headers }).catch(() => undefined)
    await answer?.arrayBuffer()
  }

  /** These do not fire before, and do because of what `act` does; it is told when all of them have. */
  async function causes(
    alerts: readonly string[],
    act: (done: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    const mine = async () => (await world.firing()).filter((alert) => alerts.includes(alert))
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
    for (const alert of alerts) caused.add(alert)
  }

  /** Does it again and again until all have fired. */
  const untilDone = async (done: AbortSignal, everyMs: number, act: (turn: number) => Promise<unknown>) => {
    for (let turn = 0; !done.aborted; turn += 1) {
      await act(turn)
      await delay(everyMs)
    }
  }

  /** A key whose partition is this many after that of the room. */
  const keyBeside = (distance: number) => {
    for (;;) {
      const key = newId()
      if (distanceOf(key) === distance) return key
    }
  }
  const distanceOf = (key: string) => {
    const [one, other] = [key, room].map((it) => partitionOf(it, PARTITIONS_DEFAULT))
    return ((one ?? 0) - (other ?? 0) + PARTITIONS_DEFAULT) % PARTITIONS_DEFAULT
  }
  const newRoom = async (name: string) => {
    for (;;) {
      const { id } = await ada.createRoom(name)
      if (distanceOf(id) !== PAUSED) return id
    }
  }

  /** Does it while nothing can be stored in the room. */
  const holding = (roomId: string, work: () => Promise<unknown>) =>
    world.database.db.transaction().execute(async (trx) => {
      await trx.selectFrom('chat.rooms').select('id').where('id', '=', roomId).forUpdate().execute()
      await work()
    })

  const lockWaiters = async () =>
    (
      await sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND application_name = 'roomlog-persister'`.execute(world.database.db)
    ).rows.length

  const append = (topic: 'created' | 'persisted', key: string, value: string, headers = {}) =>
    world.eventLog.append(topic, { key, headers, value: Buffer.from(value) })

  test('has rules that pass their own tests', async () => {
    const { promtool } = world.prometheus
    expect(await promtool('check', 'config', 'shipped/prometheus.yml')).toMatchObject({ code: 0 })
    const { code, output } = await promtool('test', 'rules', 'shipped/alerts.test.yml')
    expect(code, output).toBe(0)
  })

  test('nothing fires while all is well', async () => {
    const isUnderWay =
      'sum(roomlog_edge_accepted_to_delivered_seconds_count) > 20 and min(count_over_time(up[1m])) > 5'
    await expect.poll(() => world.query(isUnderWay), PATIENCE).not.toEqual([])
    // What has just begun to look knows of no service at first.
    await expect.poll(() => world.firing(), PATIENCE).toEqual([])
  })

  test('records that a persister cannot take', async () => {
    const key = keyBeside(PAUSED)
    await causes(['AckedButDead'], () => append('created', keyBeside(PAUSED + 1), 'nobody can read this'))
    await causes(['PartitionPaused'], () => append('created', key, '{"v":2}'))
    await causes(['BacklogGrows'], () =>
      world.eventLog.appendAll(
        'created',
        Array.from({ length: 1500 }, () => encodeCreated(message(key, 'waits'))),
        never,
      ),
    )
    await causes(['MessagesWait', 'RetentionNear'], () =>
      sql`UPDATE engine.log_records SET at = now() - interval '2 days'
        WHERE topic = ${TOPICS.created.name} AND partition = ${partitionOf(key, PARTITIONS_DEFAULT)}`.execute(
        world.database.db,
      ),
    )
  })

  test('what the auditor finds, and that it finds nothing any more because it does not run', async () => {
    const roomId = await newRoom('Lost')
    await using client = await joined(roomId)
    client.send({ type: 'sendMessage', roomId, clientMsgId: newId(), body: 'soon gone' })
    await client.next('newMessage')
    const folder = await mkdtemp(join(tmpdir(), 'roomlog-e2e-audit-'))
    const file = join(folder, 'roomlog.prom')
    const audit = async () => {
      const env = { ENGINE: 'embedded', DATABASE_URL: world.stack.servers.postgres.url }
      await command('audit', ['--older-than', '0', '--metrics', file], env)
      const text = await readFile(file, 'utf8')
      world.collect(text)
      return text
    }
    try {
      await causes(['MessagesLost', 'DeadLettersWaiting'], async () => {
        await world.database.db.deleteFrom('chat.messages').where('room_id', '=', roomId).execute()
        await audit()
      })
      await causes(['AuditSilent'], async () => {
        const twoHoursAgo = Date.now() / 1000 - 7200
        world.collect((await audit()).replace(/^(roomlog_audit_last_run\S+) .*$/m, `$1 ${twoHoursAgo}`))
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('an event loop that stands still again and again', async () => {
    const [, edge = ''] = world.stack.edges
    await causes(['EventLoopBlocked'], (done) =>
      untilDone(done, 500, async () => {
        world.stack.signal(edge, 'SIGSTOP')
        await delay(500)
        world.stack.signal(edge, 'SIGCONT')
      }),
    )
  })

  test('messages that come late, because their room is held', async () => {
    await causes(['DeliverySlow'], (done) => untilDone(done, 1000, () => holding(room, () => delay(4000))))
  })

  test('events that are missing, and sockets that are not read', async () => {
    const crowded = await newRoom('Crowded')
    const slow = await Promise.all(Array.from({ length: 8 }, () => joined(crowded)))
    for (const client of slow) client.socket.pause()
    await causes(['GapFillsSurge', 'SlowConsumersSurge'], (done) =>
      untilDone(done, 300, async (turn) => {
        await append('persisted', room, '{}', { [HEADERS.seq]: String(1_000_000 + turn) })
        const bodies = Array.from({ length: 100 }, () => message(crowded, 'x'.repeat(4000)))
        await world.eventLog.appendAll('created', bodies.map(encodeCreated), never)
      }),
    )
    for (const client of slow) client.terminate()
  })

  test('every query of the dashboard gets data', async () => {
    const queries = dashboardPanels().flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', '1m') })),
    )
    expect(queries.length).toBeGreaterThan(20)
    const empty: unknown[] = []
    for (const { title, expr } of queries) {
      const samples = await world.query(expr)
      if (!samples.some(({ value }) => !Number.isNaN(value))) empty.push({ title, expr, samples })
    }
    expect(empty).toEqual([])
  })

  test('a pool whose connections all wait', async () => {
    await causes(['PoolExhausted', 'ApiFails'], (done) =>
      untilDone(done, 1000, () =>
        world.database.db.transaction().execute(async (trx) => {
          await sql`LOCK TABLE chat.users IN ACCESS EXCLUSIVE MODE`.execute(trx)
          await Promise.all(Array.from({ length: 30 }, me))
        }),
      ),
    )
  })

  test('a database that is away', async () => {
    const { postgres } = world.stack.servers
    await causes(['StoringFails', 'SendsFail', 'NotReady'], async (done) => {
      await holding(room, async () => {
        // A batch under way: of the embedded engine no other comes while its database is away.
        await expect.poll(lockWaiters, PATIENCE).toBeGreaterThan(0)
        await postgres.stop()
      }).catch(() => undefined)
      await untilDone(done, 100, async () => undefined)
      await postgres.start()
      await postgres.ready()
    })
  })

  test('a service that is gone', async () => {
    await causes(['InstanceDown', 'ServiceDown'], () => world.stack.end('api'))
  })

  test('no alert is left that was never caused, and nothing ended that was not to', () => {
    expect([...caused].toSorted()).toEqual(
      alertRules()
        .map(({ alert }) => alert)
        .toSorted(),
    )
    expect(troubles).toEqual([])
  })
})
