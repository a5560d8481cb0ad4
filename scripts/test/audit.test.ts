import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { LogReader } from '@roomlog/event-log'
import {
  encodeCreated,
  encodePersisted,
  frameOfPersisted,
  HEADERS,
  type MessageCreated,
  partitionOf,
  TOPICS,
} from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { freePort, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { messagesAt } from '../audit/rows.ts'
import { type AuditOptions, type AuditReport, audit } from '../audit/run.ts'
import { takeTurn } from '../audit/turn.ts'
import { readerWith } from './log-reader.ts'
import {
  command,
  message,
  OPERATOR_ENGINES,
  type OperatorWorld,
  operatorWorld,
  PATIENCE,
} from './operator-world.ts'
import { ROOT } from './running-roomlog.ts'

const NOTHING = {
  accepted_not_stored: 0,
  stored_not_published: 0,
  hole: 0,
  unexplained_row: 0,
  dead_letter: 0,
}

for (const engine of OPERATOR_ENGINES) {
  suiteOn(engine.needs, `the audit on the ${engine.name} engine`, () => {
    let world: OperatorWorld

    beforeAll(async () => {
      world = await operatorWorld(engine.name)
    })
    afterAll(() => world[Symbol.asyncDispose]())
    beforeEach(() => world.startPersister())
    // What one test has found must not be told in the next.
    afterEach(async () => {
      await look({ accept: true })
      expect(await look()).toMatchObject({ counts: { ...NOTHING, dead_letter: expect.any(Number) } })
    })

    /** As the command does; what the log took in this very moment is judged, too, unless a bound is given. */
    const look = (options: Partial<AuditOptions> = {}): Promise<AuditReport> =>
      audit(world.reader, world.database.db, {
        olderThanMs: -1000,
        since: undefined,
        full: false,
        accept: false,
        ...options,
      })
    const run = (...args: readonly string[]) => command('audit', ['--older-than', '0', ...args], world.env)

    async function store(roomId: string, ...bodies: readonly string[]): Promise<void> {
      await world.send(...bodies.map((body) => message(roomId, body)))
      await world.handled()
    }

    /** A record that the persisters have passed and not stored. */
    async function lose(...events: readonly MessageCreated[]): Promise<void> {
      await world.stopPersister()
      await world.send(...events)
      await world.skip()
    }

    /** As a client does that heard of nothing. */
    async function sendAgain(...events: readonly MessageCreated[]): Promise<void> {
      await world.startPersister()
      await world.send(...events)
      await world.handled()
    }

    test('is clean where everything is as it should be, and does not look at it twice', async () => {
      const rooms = [await world.newRoom(), await world.newRoom(), await world.newRoom()]
      const repeated = message(rooms[0] ?? '', 'twice')
      const reused = message(rooms[1] ?? '', 'another body', { clientMsgId: repeated.clientMsgId })
      const bodies = Array.from({ length: 20 }, (_, i) => `message ${i}`)
      await world.send(repeated, repeated, reused, { ...reused, body: 'reused' })
      for (const room of rooms) await store(room, ...bodies)
      const report = await look()
      expect(report).toMatchObject({ counts: NOTHING, findings: [], audited: 64, notYet: 0 })
      expect(await look()).toMatchObject({ counts: NOTHING, audited: 0 })
      expect(await look({ full: true })).toMatchObject({ counts: NOTHING, audited: 64 })
    })

    test('leaves alone what is younger than its bound', async () => {
      const room = await world.newRoom()
      const young = message(room, 'young')
      // Nor what was published of it: that is looked for when it is old enough.
      await store(room, 'stored')
      await lose(young)
      expect(await look({ olderThanMs: 60_000 })).toMatchObject({ counts: NOTHING, audited: 0, notYet: 2 })
      expect((await look()).counts.accepted_not_stored).toBe(1)
      await sendAgain(young)
      expect((await look()).counts).toEqual(NOTHING)
    })

    test('finds what was accepted and not stored, tells it until it is repaired, and repairs it', async () => {
      const room = await world.newRoom()
      const [lost, kept] = [message(room, 'very secret'), message(room, 'kept')]
      const record = { ...encodeCreated(lost), headers: { trace: 'kept' } }
      await world.stopPersister()
      await world.eventLog.append('created', record)
      await world.skip()
      await world.startPersister()
      await store(room, 'another')
      await world.send(kept)
      await world.handled()
      for (const _ of [1, 2]) {
        const { counts, findings } = await look()
        expect(counts).toEqual({ ...NOTHING, accepted_not_stored: 1 })
        const { roomId, senderId, clientMsgId } = lost
        const where = { roomId, senderId, clientMsgId, partition: partitionOf(room, world.reader.partitions) }
        expect(findings).toMatchObject([
          { ...where, kind: 'accepted_not_stored', offset: expect.any(Number) },
        ])
      }
      const created = await world.follow('created')
      const repaired = await run('--repair')
      expect(repaired).toMatchObject({ code: 0, stderr: '' })
      await expect
        .poll(() => created.map(({ key, headers, value }) => ({ key, headers, value })), PATIENCE)
        .toEqual([record])
      expect(repaired.stdout).toContain('appended again')
      expect(repaired.stdout).toMatch(/clean\n$/)
      expect(repaired.stdout).not.toContain('secret')
      expect(await world.bodiesOf(room)).toEqual(['another', 'kept', 'very secret'])
    })

    test('repairs all, however much was lost, in its order', async () => {
      const room = await world.newRoom()
      const bodies = Array.from({ length: 1100 }, (_, i) => String(i))
      await lose(...bodies.map((body) => message(room, body)))
      await world.startPersister()
      expect(await run('--repair', '--json')).toMatchObject({ code: 0 })
      expect(await world.bodiesOf(room)).toEqual(bodies)
    })

    test('tells what waits for a persister from what is lost, and does not repair it', async () => {
      const room = await world.newRoom()
      await world.stopPersister()
      await world.send(message(room, 'one'), message(room, 'two'))
      const report = await look({ accept: true })
      expect(report.counts).toEqual({ ...NOTHING, accepted_not_stored: 2 })
      expect(report.findings[0]?.detail).toContain('waits for the persisters')
      expect(report.lost).toEqual([])
      await world.startPersister()
      await world.handled()
      expect(await look()).toMatchObject({ counts: NOTHING, audited: 2 })
    })

    test('finds what was stored and not published; repaired, a subscriber gets it', async () => {
      const room = await world.newRoom()
      await world.startPersister({ isMute: true })
      await store(room, 'unheard', 'of')
      await world.startPersister()
      await store(room, 'heard')
      for (const _ of [1, 2]) {
        const { counts, findings } = await look()
        expect(counts).toEqual({ ...NOTHING, stored_not_published: 2 })
        expect(findings.map(({ roomId, seq }) => [roomId, seq])).toEqual([
          [room, 1],
          [room, 2],
        ])
      }
      const heard = await world.follow('persisted')
      const { code, stdout } = await run('--repair', '--json')
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ clean: true, counts: NOTHING })
      await expect.poll(() => heard.map(({ headers }) => headers[HEADERS.seq]), PATIENCE).toEqual(['1', '2'])
      const frame = JSON.parse(String(frameOfPersisted(heard[0]?.value ?? null)))
      expect(frame).toMatchObject({ message: { roomId: room, seq: 1, body: 'unheard' } })
    })

    test('finds a row that is gone: its record has none, and its room has a hole', async () => {
      const [young, old] = [await world.newRoom(), await world.newRoom()]
      await store(old, 'one', 'two', 'three')
      expect((await look()).counts).toEqual(NOTHING)
      await store(young, 'one', 'two')
      const gone = await world.admin.db
        .deleteFrom('chat.messages')
        .where('room_id', 'in', [young, old])
        .where('seq', '=', 2)
        .returningAll()
        .execute()
      const expected = { ...NOTHING, accepted_not_stored: 1, hole: 1 }
      expect((await look()).counts).toEqual(expected)
      expect(await look({ accept: true })).toMatchObject({ counts: expected })
      expect((await look()).counts).toEqual(NOTHING)
      // Of a room that nobody wrote in since only a look at everything tells, until somebody does.
      const everything = await look({ full: true, accept: true })
      expect(everything.counts).toEqual({ ...NOTHING, accepted_not_stored: 2, hole: 2 })
      await store(old, 'four')
      const { counts, findings } = await look()
      expect(counts).toEqual({ ...NOTHING, hole: 1 })
      expect(findings).toMatchObject([{ kind: 'hole', roomId: old, seq: 2 }])
      await world.admin.db.insertInto('chat.messages').values(gone).execute()
      expect(await look({ full: true })).toMatchObject({ counts: NOTHING })
    })

    test('finds a head that does not agree with its newest row', async () => {
      const room = await world.newRoom()
      await store(room, 'one')
      const setHead = (head: object) =>
        world.admin.db.updateTable('chat.rooms').set(head).where('id', '=', room).execute()
      const { last_message_id } = await world.admin.db
        .selectFrom('chat.rooms')
        .select('last_message_id')
        .where('id', '=', room)
        .executeTakeFirstOrThrow()
      await setHead({ last_message_id: newId() })
      for (const _ of [1, 2]) {
        const { counts, findings } = await look()
        expect(counts).toEqual({ ...NOTHING, hole: 1 })
        expect(findings).toMatchObject([{ roomId: room, seq: 1, detail: expect.stringContaining('head') }])
      }
      await setHead({ last_message_id })
      expect((await look()).counts).toEqual(NOTHING)
    })

    test('finds rows that nobody accepted', async () => {
      const [touched, untouched] = [await world.newRoom(), await world.newRoom()]
      await store(untouched, 'one')
      expect((await look()).counts).toEqual(NOTHING)
      await store(touched, 'one')
      // Says that it came from a position at which another room's record stands, or none.
      await insertByHand(touched, 2, 1_000_000)
      await insertByHand(untouched, 2, 0)
      const { counts, findings } = await look()
      expect(counts).toEqual({ ...NOTHING, unexplained_row: 1 })
      expect(findings).toMatchObject([{ roomId: touched, seq: 2 }])
      const everything = await look({ full: true, accept: true })
      expect(everything.counts).toMatchObject({ unexplained_row: 2, accepted_not_stored: expect.any(Number) })
      await removeByHand(touched, 2)
      await removeByHand(untouched, 2)
    })

    async function insertByHand(roomId: string, seq: number, source_offset: number): Promise<void> {
      const { db } = world.admin
      const [id, created_at] = [newId(), new Date()]
      await db
        .insertInto('chat.messages')
        .values({
          room_id: roomId,
          seq,
          id,
          sender_id: newId(),
          client_msg_id: newId(),
          body: 'by hand',
          created_at,
          source_partition: partitionOf(roomId, world.reader.partitions),
          source_offset,
        })
        .execute()
      const head = { last_seq: seq, last_message_id: id, last_message_at: created_at }
      await db.updateTable('chat.rooms').set(head).where('id', '=', roomId).execute()
    }

    async function removeByHand(roomId: string, seq: number): Promise<void> {
      await world.admin.db
        .deleteFrom('chat.messages')
        .where('room_id', '=', roomId)
        .where('seq', '=', seq)
        .execute()
      await sql`UPDATE chat.rooms r SET last_seq = m.seq, last_message_id = m.id, last_message_at = m.created_at
        FROM chat.messages m WHERE r.id = ${roomId} AND m.room_id = r.id AND m.seq = ${seq - 1}`.execute(
        world.admin.db,
      )
    }

    test('finds a row whose body is not the one that was accepted', async () => {
      const room = await world.newRoom()
      await store(room, 'as it was sent')
      const setBody = (body: string) =>
        world.admin.db.updateTable('chat.messages').set({ body }).where('room_id', '=', room).execute()
      await setBody('as somebody would have it')
      for (const _ of [1, 2]) {
        const { counts, findings } = await look()
        expect(counts).toEqual({ ...NOTHING, unexplained_row: 1 })
        expect(JSON.stringify(findings)).not.toMatch(/somebody|sent/)
      }
      await setBody('as it was sent')
      expect((await look()).counts).toEqual(NOTHING)
    })

    test('a dead letter is an alarm of its own until it is replayed', async () => {
      const missing = newId()
      await world.send(message(missing, 'into nowhere'))
      await world.eventLog.append('created', { key: missing, headers: {}, value: Buffer.from([0xff]) })
      await world.handled()
      for (const _ of [1, 2]) {
        const { counts, findings } = await look()
        expect(counts).toEqual({ ...NOTHING, dead_letter: 2 })
        expect(findings.map(({ detail }) => detail.split(':')[0]).toSorted()).toEqual([
          'room_not_found',
          'undecodable',
        ])
      }
      await world.newRoom(missing)
      expect((await command('dlq', ['replay', '--all'], world.env)).code).toBe(1)
      await world.handled()
      expect((await look()).counts).toEqual(NOTHING)
      expect(await world.bodiesOf(missing)).toEqual(['into nowhere'])
    })

    test('a dead letter whose message a repeat has brought is no alarm any longer', async () => {
      const event = message(newId(), 'at the second attempt')
      await world.send(event)
      await world.handled()
      const { dead_letter } = (await look()).counts
      await world.newRoom(event.roomId)
      await sendAgain(event)
      expect((await look()).counts).toEqual({ ...NOTHING, dead_letter: dead_letter - 1 })
    })

    test('a dead letter whose name another body has by now is no alarm any longer', async () => {
      const event = message(newId(), 'first')
      await world.send(event)
      await world.handled()
      const { dead_letter } = (await look()).counts
      await world.newRoom(event.roomId)
      await sendAgain({ ...event, body: 'second' })
      expect((await look()).counts).toEqual({ ...NOTHING, dead_letter: dead_letter - 1 })
    })

    test('what is lost and dead-lettered when it is appended again is a dead letter, and no longer lost', async () => {
      const { dead_letter } = (await look()).counts
      const lost = message(newId(), 'into nowhere')
      await lose(lost)
      await world.startPersister()
      expect(await run('--repair')).toMatchObject({ code: 1 })
      expect((await look()).counts).toEqual({ ...NOTHING, dead_letter: dead_letter + 1 })
      await world.newRoom(lost.roomId)
      await sendAgain(lost)
      expect((await look()).counts).toEqual({ ...NOTHING, dead_letter })
    })

    test('what was appended again, dead-lettered and dismissed is not found lost again', async () => {
      const lost = message(newId(), 'into nowhere')
      await lose(lost)
      await world.startPersister()
      expect(await run('--repair')).toMatchObject({ code: 1 })
      expect((await command('dlq', ['dismiss', '--all'], world.env)).code).toBe(0)
      const ofLost = ({ findings }: AuditReport) =>
        findings.filter(({ roomId }) => roomId === lost.roomId).map(({ kind }) => kind)
      expect(ofLost(await look({ full: true }))).toEqual([])
      // That explains nothing that is appended, and lost, after it.
      await lose(lost)
      expect(ofLost(await look({ full: true }))).toEqual(['accepted_not_stored'])
      await world.newRoom(lost.roomId)
      await sendAgain(lost)
      expect(ofLost(await look({ full: true }))).toEqual([])
    })

    /** The reader, to which something happens when what was published is read for the first time. */
    const readerAt = (published: (read: () => Promise<void>) => Promise<void>): LogReader => {
      let isRead = false
      const read: LogReader['read'] = (topic, options) => {
        const go = () => world.reader.read(topic, options)
        if (topic !== 'persisted' || options.ranges.size === 0 || isRead) return go()
        isRead = true
        return published(go)
      }
      return readerWith({ read }, world.reader)
    }
    const NEW = { olderThanMs: -1000, since: undefined, full: false, accept: false }

    test('what is published while the audit runs is published', async () => {
      const room = await world.newRoom()
      await world.startPersister({ isMute: true })
      await store(room, 'late')
      const reader = readerAt(async (read) => {
        await read()
        const late = await messagesAt(world.admin.db, [{ roomId: room, seq: 1 }])
        const records = late.map(({ message, epoch }) => encodePersisted(message, epoch))
        await world.eventLog.appendAll('persisted', records, AbortSignal.timeout(10_000))
      })
      expect((await audit(reader, world.database.db, NEW)).counts).toMatchObject({ stored_not_published: 0 })
    })

    test('raises no false alarm while a persister works', async () => {
      const rooms = [await world.newRoom(), await world.newRoom(), await world.newRoom()]
      let isSending = true
      const sending = async () => {
        for (let i = 0; i < 40; i += 1) {
          const events = rooms.flatMap((room) =>
            Array.from({ length: 20 }, (_, n) => message(room, `${i} ${n}`)),
          )
          await world.send(...events)
        }
        isSending = false
      }
      const sent = sending()
      let runs = 0
      while (isSending || runs < 2) {
        // What the log took a moment ago: a persister has it in hands. Not stored it may be, lost it is not.
        const { counts, lost } = await look()
        expect({ ...counts, lost }).toEqual({ ...NOTHING, accepted_not_stored: expect.any(Number), lost: [] })
        runs += 1
      }
      await sent
      await world.handled()
      expect(await look({ full: true })).toMatchObject({ counts: NOTHING, notYet: 0 })
    })

    test('as a command says how it went in its exit code, in words and in JSON', async () => {
      const room = await world.newRoom()
      await store(room, 'one')
      const clean = await run()
      expect(clean).toMatchObject({ code: 0, stderr: '' })
      expect(clean.stdout).toMatch(/1 records audited[\s\S]*clean\n$/)
      const secret = message(room, 'very secret')
      await lose(secret)
      const lost = await run('--json')
      expect(lost).toMatchObject({ code: 1, stderr: '' })
      const report = JSON.parse(lost.stdout)
      expect(report).toMatchObject({ clean: false, counts: { accepted_not_stored: 1 } })
      expect(report.findings).toHaveLength(1)
      expect(lost.stdout).not.toContain('secret')
      expect(await run('--accept')).toMatchObject({ code: 1 })
      expect(await run()).toMatchObject({ code: 0 })
      await sendAgain(secret)
    })

    test('begins where it is told to', async () => {
      const room = await world.newRoom()
      const [before, after] = [message(room, 'before'), message(room, 'after')]
      await lose(before)
      const since = new Date(Date.now() + 1)
      await expect.poll(() => Date.now()).toBeGreaterThan(since.getTime())
      await lose(after)
      expect((await look({ since })).counts.accepted_not_stored).toBe(1)
      // That look was no reason to forget what lies before it.
      expect((await look()).counts.accepted_not_stored).toBe(2)
      await sendAgain(before, after)
    })

    if (engine.name === 'embedded') {
      test('does not append again what an earlier repair has appended while the persisters are away', async () => {
        const room = await world.newRoom()
        const lost = message(room, 'lost')
        await lose(lost)
        // As the earlier repair did.
        await world.send(lost)
        const created = await world.follow('created')
        const { code, stdout } = await run('--repair')
        expect(code).toBe(1)
        expect(stdout).toContain('Not appended again is what is lost in partition')
        expect(created).toEqual([])
        await world.startPersister()
        await world.handled()
        expect((await look()).counts).toEqual(NOTHING)
        expect(await world.bodiesOf(room)).toEqual(['lost'])
      })

      test('is not held up by a record whose clock is far ahead', async () => {
        const { db } = world.admin
        const room = await world.newRoom()
        await store(room, 'from the future')
        const partition = partitionOf(room, world.reader.partitions)
        const end = (await world.reader.bounds('created')).get(partition)?.end ?? 0n
        const aheadFor = (interval: string) =>
          db
            .updateTable('engine.log_records')
            .set({ at: sql`now() + ${interval}::interval` })
            .where('topic', '=', TOPICS.created.name)
            .where('partition', '=', partition)
            .where('offset', '=', Number(end) - 1)
            .execute()
        await aheadFor('1 minute')
        expect(await look()).toMatchObject({ audited: 0, notYet: 1 })
        await aheadFor('1 year')
        const lost = message(room, 'lost')
        await lose(lost)
        expect((await look()).counts).toEqual({ ...NOTHING, accepted_not_stored: 1 })
        await sendAgain(lost)
      })

      test('raises no false alarm when what was published is removed for its age meanwhile', async () => {
        await store(await world.newRoom(), 'old')
        const reader = readerAt(async (read) => {
          const { db } = world.admin
          await db.deleteFrom('engine.log_records').where('topic', '=', TOPICS.persisted.name).execute()
          await read()
        })
        expect((await audit(reader, world.database.db, NEW)).counts).toMatchObject({
          stored_not_published: 0,
        })
      })

      test('finds what was removed for its age before the persisters came to it', async () => {
        const room = await world.newRoom()
        await world.stopPersister()
        await world.send(message(room, 'one'), message(room, 'two'))
        const partition = partitionOf(room, world.reader.partitions)
        const range = (await world.reader.bounds('created')).get(partition)
        await world.admin.db
          .deleteFrom('engine.log_records')
          .where('topic', '=', TOPICS.created.name)
          .where('partition', '=', partition)
          .execute()
        const { counts, findings } = await look()
        expect(counts).toEqual({ ...NOTHING, accepted_not_stored: 1 })
        expect(findings).toMatchObject([{ partition, offset: Number(range?.end ?? 0n) - 2 }])
        expect(findings[0]?.detail).toContain('and 1 behind it are lost')
        await world.skip()
      })
    }

    test('does not run beside another one, but after it', async () => {
      let waiting: ReturnType<typeof run>
      {
        await using _ = await takeTurn(world.database, 1)
        await expect(takeTurn(world.database, 1)).rejects.toThrow('Another audit of this database is running')
        waiting = run()
      }
      expect((await waiting).code).not.toBe(2)
    })

    test('watches until a signal, tells Prometheus what it has found last, and has its turn after another audit', async () => {
      const lost = message(await world.newRoom(), 'lost')
      await lose(lost)
      await using other = new AsyncDisposableStack()
      other.use(await takeTurn(world.database, 1))
      const port = String(await freePort())
      const ask = async (path: string) => {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined)
        return { status: answer?.status, text: await answer?.text() }
      }
      const figures = async () => (await ask('/metrics')).text
      const args = [join(ROOT, 'scripts/audit.ts'), '--older-than', '0', '--watch', '1', '--listen', port]
      const watching = spawn(process.execPath, args, {
        env: { PATH: process.env.PATH ?? '', ...world.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      onTestFinished(() => void watching.kill('SIGKILL'))
      let output = ''
      watching.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
      let refusals = ''
      watching.stderr.setEncoding('utf8').on('data', (text: string) => {
        refusals += text
      })
      await expect.poll(() => refusals, PATIENCE).toContain('Another audit')
      expect(output).toBe('')
      // Nothing is known: no figure says that all is well.
      expect(await ask('/readyz')).toMatchObject({ status: 503 })
      expect(await figures()).not.toContain('roomlog_audit_')
      expect(await ask('/livez')).toMatchObject({ status: 200 })
      await other.disposeAsync()
      await expect.poll(figures, PATIENCE).toContain('\nroomlog_audit_accepted_not_stored 1\n')
      expect(await ask('/readyz')).toMatchObject({ status: 200 })
      const found = await figures()
      for (const name of ['stored_not_published', 'holes', 'unexplained_rows'])
        expect(found).toContain(`\nroomlog_audit_${name} 0\n`)
      for (const name of ['dead_letters', 'last_run_timestamp_seconds', 'duration_seconds'])
        expect(found).toMatch(new RegExp(`\nroomlog_audit_${name} [0-9.]+\n`))
      await sendAgain(lost)
      await expect.poll(figures, PATIENCE).toContain('\nroomlog_audit_accepted_not_stored 0\n')
      expect(output).toMatch(/clean\n/)
      expect(await command('audit', ['--watch', '1', '--listen', port], world.env)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`Nobody can listen at 127.0.0.1:${port}`),
      })
      watching.kill('SIGTERM')
      expect(await once(watching, 'exit')).toEqual([0, null])
    })
  })
}

suiteOn(['postgres'], 'the audit of a replica', () => {
  test('is refused: what the replica lacks yet would be found lost', async () => {
    await using world = await operatorWorld('embedded')
    const { db } = world.admin
    await sql`CREATE SCHEMA pretended`.execute(db)
    await sql`CREATE FUNCTION pretended.pg_is_in_recovery() RETURNS boolean RETURN true`.execute(db)
    const url = new URL(world.env.DATABASE_URL ?? '')
    url.searchParams.set('options', '-c search_path=pretended,pg_catalog')
    const env = { ...world.env, DATABASE_URL: url.href, DATABASE_ROLE: '' }
    expect(await command('audit', [], env)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('is a replica'),
    })
  })
})

suiteOn(['postgres'], 'the audit of a database that was restored', () => {
  test('looks again at all that the log has', async () => {
    await using world = await operatorWorld('embedded')
    await world.startPersister()
    const room = await world.newRoom()
    await world.send(message(room, 'in the backup'), message(room, 'newer'))
    await world.handled()
    const options = { olderThanMs: -1000, since: undefined, full: false, accept: false }
    const look = () => audit(world.reader, world.database.db, options)
    expect(await look()).toMatchObject({ counts: NOTHING, audited: 2 })
    // As on Kafka, the log goes on.
    const { db } = world.admin
    await db.deleteFrom('chat.messages').where('seq', '=', 2).execute()
    await sql`UPDATE chat.rooms r SET last_seq = 1, last_message_id = m.id, last_message_at = m.created_at
      FROM chat.messages m WHERE m.room_id = r.id`.execute(db)
    await db.updateTable('chat.cluster').set({ epoch: newId() }).execute()
    const report = await look()
    expect(report.counts).toEqual({ ...NOTHING, accepted_not_stored: 1 })
    expect(report.lost).toHaveLength(1)
  })
})

suiteOn(['postgres'], 'the audit beside a log that was begun anew', () => {
  test('takes no row from before for one that nobody accepted', async () => {
    await using world = await operatorWorld('embedded')
    await world.startPersister()
    const room = await world.newRoom()
    await world.send(message(room, 'one'), message(room, 'two'))
    await world.handled()
    await world.stopPersister()
    const { db } = world.admin
    await db.deleteFrom('engine.log_records').execute()
    await db.deleteFrom('engine.log_cursors').execute()
    await db.updateTable('engine.log_heads').set({ next_offset: 0 }).execute()
    const options = { olderThanMs: 0, since: undefined, full: true, accept: false }
    expect(await audit(world.reader, world.database.db, options)).toMatchObject({ counts: NOTHING })

    // The new log gives the old places again.
    await sql`UPDATE chat.messages SET created_at = created_at - interval '1 hour'`.execute(db)
    await world.startPersister()
    await world.send(message(room, 'three'))
    await world.handled()
    expect(await audit(world.reader, world.database.db, options)).toMatchObject({
      counts: NOTHING,
      audited: 1,
    })
    await sql`UPDATE chat.messages SET created_at = created_at + interval '1 hour'`.execute(db)
    expect((await audit(world.reader, world.database.db, options)).counts.unexplained_row).toBe(2)
  })
})
