import { connect, type Database, migrate } from '@roomlog/db'
import { namespaced, PERSISTER_GROUP, partitionOf, TOPICS } from '@roomlog/events'
import { namespace, postgres, suiteOn, type TestPostgres } from '@roomlog/testkit'
import { sql } from 'kysely'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { connectEventLog, createTopics, type EventLog, type LogRecord } from '../src/index.ts'
import { trim } from '../src/postgres/trim.ts'
import { postgresStore } from '../src/postgres.ts'

const PARTITIONS = 4
const WAIT = { timeout: 15_000, interval: 20 }

suiteOn(['postgres'], 'the embedded engine', () => {
  const logger = pino({ enabled: false })
  const logs: EventLog[] = []
  let server: TestPostgres
  let database: Database
  let ns: string

  const settings = () => ({ engine: 'embedded', partitions: PARTITIONS, database, namespace: ns }) as const
  const open = async () => {
    const log = await connectEventLog({ ...settings(), clientId: 'test', sessionTimeoutMs: 6000 }, logger)
    logs.push(log)
    return log
  }
  const options = (group: string) =>
    ({
      topic: 'created',
      group,
      from: 'beginning',
      maxRecords: 10,
      commitIntervalMs: 0,
      onFatal: (error: Error) => {
        throw error
      },
    }) as const
  const read = async (log: EventLog, group: string, topic: 'created' | 'persisted' = 'created') => {
    const records: LogRecord[] = []
    const signals: AbortSignal[] = []
    const subscription = await log.subscribe({
      ...options(group),
      topic,
      onBatch: async (batch, { signal }) => {
        signals.push(signal)
        records.push(...batch.records)
        return undefined
      },
    })
    return { records, signals, subscription, texts: () => records.map(({ value }) => String(value)) }
  }
  const append = (log: EventLog, topic: 'created' | 'persisted' | 'deadLetters', text: string) =>
    log.append(topic, { key: 'k', headers: {}, value: Buffer.from(text) })
  const age = (by: string) =>
    sql`UPDATE engine.log_records SET at = now() - ${by}::interval WHERE topic LIKE ${`${ns}.%`}`.execute(
      database.db,
    )
  const kept = async (topic: keyof typeof TOPICS) => {
    const rows = await database.db
      .selectFrom('engine.log_records')
      .select('value')
      .where('topic', '=', namespaced(ns, TOPICS[topic].name))
      .orderBy('offset')
      .execute()
    return rows.map(({ value }) => String(value))
  }
  const trimNow = () => trim(database.db, ns, new AbortController().signal)

  beforeAll(async () => {
    server = await postgres()
    await migrate(server.url)
    database = connect({ url: server.url, applicationName: 'test' })
  })
  beforeEach(async () => {
    ns = namespace()
    await createTopics(settings(), logger)
  })
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })
  afterAll(async () => {
    await database.close()
    await server[Symbol.asyncDispose]()
  })

  test('who was further than a restored log ends goes on from where the log has the group, before and after a new start', async () => {
    const log = await open()
    const { texts, subscription } = await read(log, 'edge')
    for (const text of ['1', '2', '3', '4']) await append(log, 'created', text)
    await vi.waitFor(() => expect(texts()).toHaveLength(4), WAIT)
    const topic = namespaced(ns, TOPICS.created.name)
    await database.db.transaction().execute(async (trx) => {
      await trx.updateTable('engine.log_heads').set({ next_offset: 2 }).where('topic', '=', topic).execute()
      await trx.deleteFrom('engine.log_records').where('topic', '=', topic).where('offset', '>=', 2).execute()
      const cursors = trx.updateTable('engine.log_cursors').where('topic', '=', topic)
      await cursors.set({ next_offset: 2 }).where('next_offset', '>', 2).execute()
    })
    await append(log, 'created', 'new 3')
    await vi.waitFor(() => expect(texts()).toEqual(['1', '2', '3', '4', 'new 3']), WAIT)
    await subscription.stop()
    await append(log, 'created', 'new 4')
    const later = await read(await open(), 'edge')
    await vi.waitFor(() => expect(later.texts()).toEqual(['new 4']), WAIT)
  })

  test('topics are made once, also by racing runs', async () => {
    ns = namespace()
    const runs = await Promise.all([1, 2, 3].map(() => createTopics(settings(), logger)))
    const names = Object.values(TOPICS).map(({ name }) => namespaced(ns, name))
    expect(new Set(runs.flatMap(({ created }) => created))).toEqual(new Set(names))
    expect(await createTopics(settings(), logger)).toEqual({ created: [] })
  })

  test('another number of partitions, or none, is refused with the way out', async () => {
    await expect(createTopics({ ...settings(), partitions: 5 }, logger)).rejects.toMatchObject({
      code: 'partition_mismatch',
    })
    ns = namespace()
    await expect(open()).rejects.toMatchObject({
      code: 'topic_missing',
      message: expect.stringContaining('npm run topics'),
    })
  })

  test('a database without the tables is refused with the way out', async () => {
    await using empty = await postgres()
    const other = connect({ url: empty.url, applicationName: 'test' })
    const opening = connectEventLog(
      { ...settings(), database: other, clientId: 'test', sessionTimeoutMs: 6000 },
      logger,
    )
    await expect(opening).rejects.toMatchObject({
      code: 'not_permitted',
      message: expect.stringContaining('npm run migrate'),
    })
    await other.close()
  })

  test('waits for a server that is away until told to stop', async () => {
    const away = connect({ url: 'postgres://localhost:1/none', applicationName: 'test' })
    const giveUp = AbortSignal.timeout(300)
    const opening = connectEventLog(
      { ...settings(), database: away, clientId: 'test', sessionTimeoutMs: 6000, signal: giveUp },
      logger,
    )
    await expect(opening).rejects.toMatchObject({ name: 'TimeoutError' })
    await away.close()
  })

  test('an append waits while another transaction holds its partition, and loses nothing', async () => {
    const log = await open()
    const done: string[] = []
    await database.db.transaction().execute(async (trx) => {
      await sql`SELECT FROM engine.log_heads WHERE topic LIKE ${`${ns}.%`} FOR UPDATE`.execute(trx)
      for (const text of ['1', '2']) void append(log, 'created', text).then(() => done.push(text))
      await vi.waitFor(async () => {
        const { rows } = await sql`SELECT FROM pg_locks WHERE NOT granted`.execute(database.db)
        expect(rows.length).toBeGreaterThan(0)
      }, WAIT)
      expect(done).toEqual([])
    })
    await vi.waitFor(() => expect(done).toEqual(['1', '2']), WAIT)
    expect(await kept('created')).toEqual(['1', '2'])
  })

  test('a member that lost its lease is told, does not commit, and takes the partition again when it is free', async () => {
    const log = await open()
    const reader = await read(log, 'g')
    await append(log, 'created', 'first')
    await vi.waitFor(() => expect(reader.texts()).toEqual(['first']), WAIT)
    const partition = partitionOf('k', PARTITIONS)
    const cursors = database.db.updateTable('engine.log_cursors').where('group', '=', namespaced(ns, 'g'))
    await cursors
      .set({ owner: 'thief', until: new Date(Date.now() + 3_600_000), next_offset: 0 })
      .where('partition', '=', partition)
      .execute()
    await vi.waitFor(() => expect(reader.signals[0]?.aborted).toBe(true), WAIT)
    expect(reader.subscription.health().assigned).toBe(PARTITIONS - 1)
    await append(log, 'created', 'second')
    await cursors
      .set({ until: new Date(0) })
      .where('partition', '=', partition)
      .execute()
    await vi.waitFor(() => expect(reader.texts()).toEqual(['first', 'first', 'second']), WAIT)
  })

  test('a partition that could not be given up while it rested goes on being delivered', async () => {
    const log = await open()
    const group = namespaced(ns, 'g')
    const lastPartition = PARTITIONS - 1
    const key = Array.from({ length: 100 }, (_, i) => `k${i}`).find(
      (it) => partitionOf(it, PARTITIONS) === lastPartition,
    )
    let isCured = false
    const texts: string[] = []
    await log.subscribe({
      ...options('g'),
      onBatch: async ({ records }) => {
        if (!isCured) throw new Error('not now')
        texts.push(...records.map(({ value }) => String(value)))
        return undefined
      },
    })
    await log.append('created', { key: key ?? '', headers: {}, value: Buffer.from('poison') })
    // Whoever wants to give this partition up fails.
    await sql`CREATE FUNCTION engine.keep() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM nextval('engine.kept'); RAISE EXCEPTION 'kept'; END $$`.execute(database.db)
    await sql`CREATE SEQUENCE engine.kept`.execute(database.db)
    await sql`CREATE TRIGGER keep BEFORE UPDATE ON engine.log_cursors FOR EACH ROW
      WHEN (NEW.owner IS NULL AND OLD."group" = ${sql.lit(group)} AND OLD.partition = ${sql.lit(lastPartition)})
      EXECUTE FUNCTION engine.keep()`.execute(database.db)
    const until = sql<Date>`now() + interval '1 hour'`
    await database.db.insertInto('engine.log_members').values({ group, member: 'other', until }).execute()
    await vi.waitFor(async () => {
      const { rows } = await sql<{ tries: number; is_called: boolean }>`
        SELECT last_value AS tries, is_called FROM engine.kept`.execute(database.db)
      expect(rows[0]?.is_called).toBe(true)
    }, WAIT)
    await database.db.deleteFrom('engine.log_members').where('member', '=', 'other').execute()
    isCured = true
    await vi.waitFor(() => expect(texts).toEqual(['poison']), WAIT)
    await sql`DROP FUNCTION engine.keep CASCADE`.execute(database.db)
    await sql`DROP SEQUENCE engine.kept`.execute(database.db)
  })

  test('stopping waits for the batch under way of a partition that was lost', async () => {
    const log = await open()
    const begun = Promise.withResolvers<void>()
    const lost = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const seen: string[] = []
    const subscription = await log.subscribe({
      ...options('g'),
      onBatch: async (_batch, { signal }) => {
        signal.addEventListener('abort', () => lost.resolve())
        begun.resolve()
        await gate.promise
        seen.push('handled')
        return undefined
      },
    })
    await append(log, 'created', 'x')
    await begun.promise
    const until = sql<Date>`now() + interval '1 hour'`
    await database.db
      .updateTable('engine.log_cursors')
      .set({ owner: 'thief', until })
      .where('group', '=', namespaced(ns, 'g'))
      .execute()
    await lost.promise
    const stopped = subscription.stop().then(() => seen.push('stopped'))
    setTimeout(gate.resolve, 200)
    await stopped
    expect(seen).toEqual(['handled', 'stopped'])
  })

  test('a member killed without a word is replaced when its lease has ended', async () => {
    const log = await open()
    await log.append('created', { key: 'k', headers: {}, value: Buffer.from('x') })
    const group = namespaced(ns, 'g')
    const topic = namespaced(ns, TOPICS.created.name)
    const until = sql<Date>`now() + interval '2 seconds'`
    await database.db.insertInto('engine.log_members').values({ group, member: 'dead', until }).execute()
    for (const partition of [0, 1, 2, 3]) {
      const cursor = { group, topic, partition, next_offset: null, owner: 'dead', until }
      await database.db.insertInto('engine.log_cursors').values(cursor).execute()
    }
    const reader = await read(log, 'g')
    expect(reader.subscription.health().assigned).toBe(0)
    await vi.waitFor(() => expect(reader.texts()).toEqual(['x']), WAIT)
    await vi.waitFor(() => expect(reader.subscription.health().assigned).toBe(PARTITIONS), WAIT)
  })

  test('what a member was given by an answer that it never heard is handled by another', async () => {
    const log = await open()
    const group = namespaced(ns, 'g')
    const readers = [await read(log, 'g'), await read(log, 'g')]
    await vi.waitFor(
      () => expect(readers.map(({ subscription }) => subscription.health().assigned)).toEqual([2, 2]),
      WAIT,
    )
    const { member } = await database.db
      .selectFrom('engine.log_members')
      .select('member')
      .where('group', '=', group)
      .orderBy('member')
      .limit(1)
      .executeTakeFirstOrThrow()
    const until = sql<Date>`now() + interval '5 seconds'`
    const given = { owner: member, until }
    await database.db.updateTable('engine.log_cursors').set(given).where('group', '=', group).execute()
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      await log.append('created', { key, headers: {}, value: Buffer.from(key) })
    }
    // Handled and committed: another may still handle what it has not yet noticed to have lost.
    const done = async () => {
      const rows = await database.db
        .selectFrom('engine.log_cursors')
        .select('next_offset')
        .where('group', '=', group)
        .execute()
      return rows.reduce((sum, row) => sum + Number(row.next_offset), 0)
    }
    await vi.waitFor(async () => expect(await done()).toBe(8), WAIT)
    expect(new Set(readers.flatMap(({ texts }) => texts()))).toEqual(new Set('abcdefgh'))
  })

  test('a position only moves forward, and only by its owner', async () => {
    const store = postgresStore(database, ns, logger)
    const at = { group: namespaced(ns, 'g'), topic: namespaced(ns, TOPICS.created.name) }
    const [owner, other] = [
      { ...at, id: 'owner' },
      { ...at, id: 'other' },
    ]
    await database.db
      .updateTable('engine.log_heads')
      .set({ next_offset: 10 })
      .where('topic', '=', at.topic)
      .execute()
    await store.makeCursors(owner, 'beginning')
    expect((await store.acquire(owner, PARTITIONS, [])).size).toBe(PARTITIONS)
    expect((await store.beat(other, [])).owned).toEqual(new Set())
    expect(await store.acquire(other, PARTITIONS, [])).toEqual(new Map())
    await store.commit(owner, new Map([[0, 5n]]))
    await store.commit(owner, new Map([[0, 3n]]))
    // Nothing was there to be read.
    await store.commit(owner, new Map([[0, 11n]]))
    await store.commit(other, new Map([[0, 9n]]))
    await store.release(other, 0)
    await store.leave(other)
    expect((await store.beat(owner, [0, 1, 2, 3])).owned.size).toBe(PARTITIONS)
    await store.leave(owner)
    expect((await store.acquire(other, PARTITIONS, [])).get(0)).toBe(5n)
  })

  test('what nobody notified is found by looking', async () => {
    const log = await open()
    const reader = await read(log, 'g')
    await reader.subscription.caughtUp
    const topic = namespaced(ns, TOPICS.created.name)
    await database.db.transaction().execute(async (trx) => {
      await sql`UPDATE engine.log_heads SET next_offset = 1 WHERE topic = ${topic} AND partition = 0`.execute(
        trx,
      )
      await sql`INSERT INTO engine.log_records VALUES (${topic}, 0, 0, 'k', '{}', 'silent')`.execute(trx)
    })
    await vi.waitFor(() => expect(reader.texts()).toEqual(['silent']), WAIT)
  })

  test('created messages are trimmed after 7 days, and only below the position of the group that stores them', async () => {
    const log = await open()
    await append(log, 'created', 'stored')
    await age('8 days')
    await trimNow()
    expect(await kept('created')).toEqual(['stored'])
    const { subscription, texts } = await read(log, PERSISTER_GROUP)
    await vi.waitFor(() => expect(texts()).toEqual(['stored']), WAIT)
    await subscription.stop()
    await append(log, 'created', 'not stored')
    await age('6 days')
    await trimNow()
    expect(await kept('created')).toEqual(['stored', 'not stored'])
    await age('8 days')
    await trimNow()
    expect(await kept('created')).toEqual(['not stored'])
  })

  test('persisted messages go after an hour, dead letters after 30 days', async () => {
    const log = await open()
    await append(log, 'persisted', 'hint')
    await append(log, 'deadLetters', 'dead')
    await age('61 minutes')
    await append(log, 'persisted', 'fresh')
    await trimNow()
    expect([await kept('persisted'), await kept('deadLetters')]).toEqual([['fresh'], ['dead']])
    await age('31 days')
    await trimNow()
    expect(await kept('deadLetters')).toEqual([])
  })

  test('a position below the oldest record jumps to it', async () => {
    const log = await open()
    const first = await read(log, 'edge', 'persisted')
    await append(log, 'persisted', 'seen')
    await vi.waitFor(() => expect(first.texts()).toEqual(['seen']), WAIT)
    await first.subscription.stop()
    await append(log, 'persisted', 'missed')
    await age('2 hours')
    await trimNow()
    const second = await read(log, 'edge', 'persisted')
    await second.subscription.caughtUp
    await append(log, 'persisted', 'next')
    await vi.waitFor(() => expect(second.texts()).toEqual(['next']), WAIT)
  })

  test('positions of edges that were away for 7 days are forgotten, those of live ones never', async () => {
    const log = await open()
    const gone = await read(log, 'chat-broadcast.gone', 'persisted')
    await gone.subscription.stop()
    await read(log, 'chat-broadcast.live', 'persisted')
    const groups = async () => {
      const cursors = database.db.selectFrom('engine.log_cursors').select('group').distinct()
      return (await cursors.where('group', 'like', `${ns}.%`).execute()).map(({ group }) => group)
    }
    await sql`UPDATE engine.log_cursors SET touched_at = now() - interval '6 days'`.execute(database.db)
    await trimNow()
    expect(await groups()).toHaveLength(2)
    await sql`UPDATE engine.log_cursors SET touched_at = now() - interval '8 days'`.execute(database.db)
    await trimNow()
    expect(await groups()).toEqual([namespaced(ns, 'chat-broadcast.live')])
  })
})
