import { connect, type Database, ROLES } from '@roomlog/db'
import { type EventLog, MemoryLog } from '@roomlog/event-log'
import type { MessageCreated } from '@roomlog/events'
import { BODY, type FaultProxy, faultProxy, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { published, silent, type TestHandler, testHandler } from './handler.ts'
import {
  candidate,
  created,
  expectSoundRooms,
  lockWaiters,
  newRoom,
  type TestDatabase,
  testDatabase,
} from './support.ts'

suiteOn(['postgres'], 'a batch and a database in trouble', () => {
  let database: TestDatabase
  let proxy: FaultProxy
  let proxied: Database
  let memory: MemoryLog
  let eventLog: EventLog
  let subject: TestHandler

  beforeAll(async () => {
    database = await testDatabase()
    proxy = await faultProxy(database.url)
    proxied = connect({ url: proxy.url, role: ROLES.persister, applicationName: 'persister-test' })
  })
  beforeEach(async () => {
    memory = new MemoryLog(1)
    eventLog = await memory.open({ clientId: 'test' }, silent)
    subject = testHandler(proxied, eventLog)
  })
  afterEach(async () => {
    proxy.heal()
    await eventLog.close()
    await expectSoundRooms(database)
  })
  afterAll(async () => {
    await proxied.close()
    await proxy[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  const record = (event: MessageCreated) => candidate(event).record

  test('publishes nothing before it is committed', async () => {
    const room = await newRoom(database)
    let handled: ReturnType<typeof subject.handle> | undefined
    await database.admin.db.transaction().execute(async (trx) => {
      await sql`SELECT 1 FROM chat.rooms WHERE id = ${room} FOR UPDATE`.execute(trx)
      handled = subject.handle([record(created(room))])
      await expect.poll(() => lockWaiters(database)).toBe(1)
      expect(await published(memory)).toEqual([])
    })
    expect(await handled).toBe(1)
    expect(await published(memory)).toEqual([BODY])
  })

  test('waits for a database that is away, with heartbeats, and loses nothing', async () => {
    const room = await newRoom(database)
    const heartbeat = vi.fn(async () => undefined)
    proxy.cut()
    const handled = subject.handle([record(created(room))], { heartbeat })
    await vi.waitFor(() => expect(heartbeat.mock.calls.length).toBeGreaterThanOrEqual(2), 5000)
    expect(await subject.metric('roomlog_persister_store_retries_total{kind="transient"}')).toBeGreaterThan(0)
    proxy.heal()
    expect(await handled).toBe(1)
    expect(await published(memory)).toEqual([BODY])
    expect(subject.levels().filter((level) => level >= 40)).toEqual([40])
  })

  test('stops waiting when the partition is no longer its own', async () => {
    const room = await newRoom(database)
    const lost = new Error('rebalance in progress')
    proxy.cut()
    const context = { heartbeat: () => Promise.reject(lost) }
    await expect(subject.handle([record(created(room))], context)).rejects.toBe(lost)
    const signal = AbortSignal.abort(new Error('stopping'))
    await expect(subject.handle([record(created(room))], { signal })).rejects.toThrow('stopping')
    expect(await published(memory)).toEqual([])
  })

  test('waits, with an error, for a database of another build', async () => {
    const room = await newRoom(database)
    await sql`ALTER TABLE chat.messages RENAME COLUMN source_offset TO elsewhere`.execute(database.admin.db)
    const handled = subject.handle([record(created(room))])
    await expect.poll(() => subject.levels()).toContain(50)
    await sql`ALTER TABLE chat.messages RENAME COLUMN elsewhere TO source_offset`.execute(database.admin.db)
    expect(await handled).toBe(1)
    expect(await published(memory)).toEqual([BODY])
  })
})
