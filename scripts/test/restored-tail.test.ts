import { encodeCreated, PERSISTER_GROUP, partitionOf } from '@roomlog/events'
import { suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tailsOf } from '../restored/tail.ts'
import { command, message, type OperatorWorld, operatorWorld } from './operator-world.ts'

const PATIENCE = { timeout: 60_000, interval: 20 }

suiteOn(['postgres', 'kafka'], 'where a restored database ends', () => {
  let world: OperatorWorld
  beforeAll(async () => {
    world = await operatorWorld('full')
    await world.startPersister()
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const tail = async (partition: number) =>
    (await tailsOf(world.reader, world.admin.db)).find((it) => it.partition === partition)
  /** Back to the state after so many messages of the room. */
  async function goBack(roomId: string, head: number): Promise<void> {
    const { db } = world.admin
    await db.deleteFrom('chat.messages').where('room_id', '=', roomId).where('seq', '>', head).execute()
    await db.updateTable('chat.rooms').set({ last_seq: head }).where('id', '=', roomId).execute()
  }

  test('is behind its last row, whatever was repeated or dead-lettered there', async () => {
    const room = await world.newRoom()
    const partition = partitionOf(room, world.reader.partitions)
    const messages = ['1', '2', '3', '4'].map((body) => message(room, body))
    const [first, ...more] = messages
    if (first === undefined) throw new Error('no message')
    const broken = { ...encodeCreated(first), value: Buffer.from('{') }
    await world.send(first)
    await world.eventLog.append('created', broken)
    await world.send(first, ...more)
    await world.handled()
    expect(await tail(partition)).toBeUndefined()
    await goBack(room, 2)
    const end = (await world.reader.bounds('created')).get(partition)?.end ?? 0n
    expect(await tail(partition)).toEqual({ partition, from: end - 2n, position: end, removed: 0n })

    await world.stopPersister()
    const { code, stdout } = await command('restored', ['--yes'], { ...world.env, DATABASE_ROLE: '' })
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('The log has 2 records'),
    })
    await world.startPersister()
    await world.handled()
    expect(await world.bodiesOf(room)).toEqual(['1', '2', '3', '4'])
  })

  test('is right at whatever moment of a busy day the backup was taken', async () => {
    const rooms = [await world.newRoom(), await world.newRoom(), await world.newRoom()]
    const bodies = Array.from({ length: 600 }, (_, i) => `message ${i}`)
    const sending = rooms.map(async (room) => {
      for (const body of bodies) await world.send(message(room, body))
    })
    const { db } = world.admin
    const count = () =>
      db.selectFrom('chat.messages').select(sql<number>`count(*)`.as('n')).executeTakeFirst()
    await expect.poll(async () => (await count())?.n, PATIENCE).toBeGreaterThan(700)
    const { rows: backup } = await sql<{ rooms: string; messages: string }>`
      SELECT (SELECT json_agg(r) FROM chat.rooms r)::text AS rooms,
             (SELECT json_agg(m) FROM chat.messages m)::text AS messages`.execute(db)
    await Promise.all(sending)
    await world.handled()
    await world.stopPersister()
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('chat.messages').execute()
      await sql`INSERT INTO chat.messages
        SELECT * FROM json_populate_recordset(NULL::chat.messages, ${backup[0]?.messages}::json)`.execute(trx)
      await sql`UPDATE chat.rooms r SET last_seq = b.last_seq, last_message_id = b.last_message_id,
        last_message_at = b.last_message_at
        FROM json_populate_recordset(NULL::chat.rooms, ${backup[0]?.rooms}::json) b WHERE b.id = r.id`.execute(
        trx,
      )
    })
    const kept = (await count())?.n ?? 0
    const tails = await tailsOf(world.reader, db)
    const again = tails.reduce((sum, { from, position }) => sum + Number(position - from), 0)
    // Nothing that is stored is read again, but what is repeated or dead behind it.
    expect(kept + again).toBe(rooms.length * bodies.length + 4)
    expect((await command('restored', ['--yes'], { ...world.env, DATABASE_ROLE: '' })).code).toBe(0)
    await world.startPersister()
    await world.handled()
    for (const room of rooms) expect(await world.bodiesOf(room)).toEqual(bodies)
  })

  test('is not known where the log has another record there: all that is kept is taken again', async () => {
    const room = await world.newRoom()
    const partition = partitionOf(room, world.reader.partitions)
    await world.send(message(room, 'a'), message(room, 'b'))
    await world.handled()
    const { db } = world.admin
    const position = (await world.reader.positions(PERSISTER_GROUP, 'created')).get(partition)
    for (const source_offset of [0, 1_000_000]) {
      await db.updateTable('chat.messages').set({ source_offset }).where('room_id', '=', room).execute()
      await db.deleteFrom('chat.messages').where('room_id', '!=', room).execute()
      expect(await tail(partition)).toEqual({ partition, from: 0n, position, removed: 0n })
    }
  })

  test('may be told by nobody but who may replace the epoch', async () => {
    const { code, stderr } = await command('restored', ['--yes'], world.env)
    expect(code).toBe(2)
    expect(stderr).toContain('leave DATABASE_ROLE unset')
    expect((await command('restored', ['--now'], world.env)).stderr).toContain('npm run restored --')
    expect((await command('restored', ['--help'], world.env)).stdout).toContain('npm run restored --')
  })
})
