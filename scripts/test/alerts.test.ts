import { setTimeout as delay } from 'node:timers/promises'
import { encodeCreated, HEADERS, PARTITIONS_DEFAULT, partitionOf } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Person } from '../person.ts'
import { Causes, PATIENCE, Talker, untilDone } from './alert-causes.ts'
import { alertRules, dashboardPanels, shipped } from './alert-rules.ts'
import { type MonitoredRoomlog, monitoredRoomlog } from './monitored-roomlog.ts'
import { type EngineName, message } from './operator-world.ts'

/** How many partitions after the room's the one is in which nothing is stored from the second cause on. */
const PAUSED = 1
/** Neither the log nor the live store has a part in them: caused on one engine they are caused on both. */
const OF_THE_PROCESSES = [
  'ApiFails',
  'DeliverySlow',
  'EventLoopBlocked',
  'InstanceDown',
  'PoolExhausted',
  'ServiceDown',
  'SlowConsumersSurge',
]
/** Together they ask for more connections than the api's pool has. */
const CROWD = 6
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

const ENGINES: readonly EngineName[] = ['embedded', 'full']
for (const engine of ENGINES) {
  const needs = ['prometheus', ...(engine === 'full' ? (['kafka', 'redis'] as const) : [])] as const
  suiteOn(needs, `a Roomlog that is looked at by Prometheus, on the ${engine} engine`, () => {
    const resources = new AsyncDisposableStack()
    const troubles: string[] = []
    let world: MonitoredRoomlog
    let causes: Causes
    let talker: Talker

    beforeAll(async () => {
      world = resources.use(await monitoredRoomlog(engine))
      world.stack.onTrouble = (what) => troubles.push(what)
      causes = new Causes(world)
      talker = resources.use(await Talker.begin(world))
    })
    afterAll(() => resources.disposeAsync())

    /** A key whose partition is this many after that of the room. */
    const keyBeside = (distance: number) => {
      for (;;) {
        const key = newId()
        if (distanceOf(key) === distance) return key
      }
    }
    const distanceOf = (key: string) => {
      const [one, other] = [key, talker.room].map((it) => partitionOf(it, PARTITIONS_DEFAULT))
      return ((one ?? 0) - (other ?? 0) + PARTITIONS_DEFAULT) % PARTITIONS_DEFAULT
    }
    const newRoom = async (name: string) => {
      for (;;) {
        const { id } = await talker.ada.createRoom(name)
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

    if (engine === 'embedded')
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
      // What has just begun to look knows of no service and of no audit at first.
      await expect.poll(() => world.firing(), PATIENCE).toEqual([])
    })

    test('what is lost, and what nobody can read', async () => {
      const roomId = await newRoom('Lost')
      await using client = await talker.joined(roomId)
      await causes.of(['MessagesLost'], async () => {
        client.send({ type: 'sendMessage', roomId, clientMsgId: newId(), body: 'soon gone' })
        await client.next('newMessage')
        await world.database.db.deleteFrom('chat.messages').where('room_id', '=', roomId).execute()
      })
      await causes.of(['AckedButDead', 'DeadLettersWaiting'], () =>
        append('created', keyBeside(PAUSED + 1), 'nobody can read this'),
      )
    })

    test('records that wait for a newer persister', async () => {
      const key = keyBeside(PAUSED)
      await causes.of(['PartitionPaused', 'MessagesWait', 'RetentionNear'], () =>
        world.oldRecords.append(key, '{"v":2}'),
      )
      const behind = Array.from({ length: 1500 }, () => encodeCreated(message(key, 'waits')))
      await causes.of(['BacklogGrows'], () => world.eventLog.appendAll('created', behind, never))
    })

    test('events that are missing', async () => {
      await causes.of(['GapFillsSurge'], (done) =>
        untilDone(done, 300, (turn) =>
          append('persisted', talker.room, '{}', { [HEADERS.seq]: String(1_000_000 + turn) }),
        ),
      )
    })

    if (engine === 'embedded')
      test('sockets that are not read', async () => {
        const crowded = await newRoom('Crowded')
        const slow = await Promise.all(Array.from({ length: 8 }, () => talker.joined(crowded)))
        for (const client of slow) client.socket.pause()
        await causes.of(['SlowConsumersSurge'], (done) =>
          untilDone(done, 300, async () => {
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
      const empty = async () => {
        const answers = await Promise.all(queries.map(({ expr }) => world.query(expr)))
        return queries.filter((_, i) => !answers[i]?.some(({ value }) => !Number.isNaN(value)))
      }
      ;(await talker.joined(talker.room)).terminate()
      await expect.poll(empty, PATIENCE).toEqual([])
    })

    test('an auditor that is gone', async () => {
      await causes.of(['AuditSilent'], () => world.stopAuditor())
    })

    if (engine === 'embedded') {
      test('an event loop that stands still again and again', async () => {
        const [, edge = ''] = world.stack.edges
        await causes.of(['EventLoopBlocked'], (done) =>
          untilDone(done, 500, async () => {
            world.stack.signal(edge, 'SIGSTOP')
            await delay(500)
            world.stack.signal(edge, 'SIGCONT')
          }),
        )
      })

      test('messages that come late, because their room is held', async () => {
        await causes.of(['DeliverySlow'], (done) =>
          untilDone(done, 1000, () => holding(talker.room, () => delay(4000))),
        )
      })

      test('a pool whose connections all wait', async () => {
        // Of one person a few requests are answered at once.
        const names = Array.from({ length: CROWD }, (_, i) => `crowd_${i}`)
        const crowd = await Promise.all(names.map((name) => Person.register(world.stack.apiUrl, name, name)))
        await causes.of(['PoolExhausted', 'ApiFails'], (done) =>
          world.database.db.transaction().execute(async (trx) => {
            await sql`LOCK TABLE chat.users IN ACCESS EXCLUSIVE MODE`.execute(trx)
            // Whoever was refused asks again at once: somebody waits at every look.
            const asking = crowd.flatMap((person) => Array.from({ length: 5 }, () => person))
            await Promise.all(asking.map((person) => untilDone(done, 0, () => talker.me(person))))
          }),
        )
      })
    } else {
      test('Kafka that is away', async () => {
        await causes.of(['SendsFail', 'NotReady'], async (done) => {
          for (const proxy of world.relay?.proxies ?? []) proxy.cut()
          await untilDone(done, 100)
          for (const proxy of world.relay?.proxies ?? []) proxy.heal()
        })
        await world.stack.ready()
      })
    }

    test('a database that is away', async () => {
      const { postgres } = world.stack.servers
      // On the embedded engine it is the log, too.
      const log = engine === 'embedded' ? ['SendsFail', 'NotReady'] : []
      await causes.of(['StoringFails', ...log], async (done) => {
        await holding(talker.room, async () => {
          // A batch under way: of the embedded engine no other comes while its database is away.
          await expect.poll(lockWaiters, PATIENCE).toBeGreaterThan(0)
          await postgres.stop()
        }).catch(() => undefined)
        await untilDone(done, 100)
        await postgres.start()
        await postgres.ready()
      })
    })

    if (engine === 'embedded')
      test('a service that is gone', async () => {
        await causes.of(['InstanceDown', 'ServiceDown'], () => world.stack.end('api'))
      })

    test('no alert is left that was never caused, and nothing ended that was not to', () => {
      const all = alertRules().map(({ alert }) => alert)
      const expected = engine === 'embedded' ? all : all.filter((it) => !OF_THE_PROCESSES.includes(it))
      expect([...causes.seen].toSorted()).toEqual(expected.toSorted())
      expect(troubles).toEqual([])
    })
  })
}
