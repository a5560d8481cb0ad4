import { setTimeout as delay } from 'node:timers/promises'
import { newId } from '@roomlog/protocol'
import { BODY, type FaultProxy, type TestClient } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { proxiedLog } from './proxied-log.ts'
import { PATIENCE, type RunningEdge, suiteOnEngines, World } from './support.ts'

/** Within which every send is answered, whoever is away (GUARANTEES F10). */
const BOUND_MS = 5500
const SLOW_LOOK_UP_MS = 3000

suiteOnEngines('the time that a send has', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  /** In front of the edge's log alone: the database answers without it. */
  let log: readonly FaultProxy[]

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    const { openLog, proxies } = await proxiedLog(world, resources)
    log = proxies
    edge = resources.use(await world.edge({ openLog }))
  })
  afterAll(async () => {
    heal()
    await resources.disposeAsync()
  })

  function heal(): void {
    for (const proxy of log) proxy.heal()
  }

  function send(client: TestClient, roomId: string, fields: Readonly<Record<string, unknown>> = {}) {
    const frame = { type: 'sendMessage', roomId, clientMsgId: newId(), body: BODY, ...fields }
    client.send(frame)
    return client.next(({ type, clientMsgId }) => type === 'ack' && clientMsgId === frame.clientMsgId)
  }

  /** Nobody reads the table before `work` is done. */
  async function locked<T>(table: string, work: () => Promise<T>): Promise<T> {
    return world.admin.db.transaction().execute(async (trx) => {
      await sql`LOCK TABLE ${sql.table(table)} IN ACCESS EXCLUSIVE MODE`.execute(trx)
      return work()
    })
  }

  async function lockWaiters(): Promise<number> {
    const { rows } = await sql`SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(world.admin.db)
    return rows.length
  }

  test('is one for all that is asked on its way: a slow database and a log that hangs do not add up', async () => {
    const ada = await world.newUser()
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    for (const proxy of log) proxy.freeze()
    const clientMsgId = newId()
    const { bound, answer } = await locked('chat.room_members', async () => {
      const sent = { bound: AbortSignal.timeout(BOUND_MS), answer: send(client, room, { clientMsgId }) }
      const lookUp = delay(SLOW_LOOK_UP_MS)
      await expect.poll(lockWaiters, PATIENCE).toBeGreaterThan(0)
      await lookUp
      return sent
    })
    expect(await answer).toMatchObject({ status: 'FAILED', code: 'unavailable', retryable: true })
    expect(bound.aborted).toBe(false)
    // Its outcome was not known, and this was it.
    heal()
    await expect
      .poll(() => world.createdIn(room).map((event) => event.clientMsgId), PATIENCE)
      .toContain(clientMsgId)
  })

  test('is not spent on looking for the stored row of a repeat: what is not told soon is published', async () => {
    const ada = await world.newUser()
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    expect(await send(client, room)).toMatchObject({ status: 'ACCEPTED' })
    const repeated = await locked('chat.messages', () => send(client, room, { repeat: true }))
    expect(repeated).toMatchObject({ status: 'ACCEPTED' })
  })
})
