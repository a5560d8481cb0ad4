import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { encodeCreated, TOPICS } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dismissAll, replayAll } from '../dlq/replay.ts'
import { readerWith } from './log-reader.ts'
import { command, message, OPERATOR_ENGINES, type OperatorWorld, operatorWorld } from './operator-world.ts'
import { ROOT } from './running-roomlog.ts'

const POISON = Buffer.from([0xff, 0x00, 0x7b, 0x1b, 0x5b])

for (const engine of OPERATOR_ENGINES) {
  suiteOn(engine.needs, `the dead letters' command on the ${engine.name} engine`, () => {
    let world: OperatorWorld

    beforeAll(async () => {
      world = await operatorWorld(engine.name)
      await world.startPersister()
    })
    afterAll(() => world[Symbol.asyncDispose]())
    // What one test leaves is not the next one's.
    beforeEach(async () => {
      await world.handled()
      await dismissAll(world.reader)
    })

    const run = (...args: readonly string[]) => command('dlq', args, world.env)
    const list = async (...args: readonly string[]) =>
      JSON.parse((await run('list', '--json', ...args)).stdout)
    /** The positions of those that wait. */
    const waiting = async (): Promise<readonly string[]> =>
      (await list('--limit', '1000')).letters
        .filter((it: { readonly waiting: boolean }) => it.waiting)
        .map(({ position }: { readonly position: string }) => position)

    async function bury(...roomIds: readonly string[]): Promise<void> {
      await world.send(...roomIds.map((roomId) => message(roomId, `in ${roomId}`)))
      await world.handled()
    }

    async function buryPoison(key: string): Promise<void> {
      await world.eventLog.append('created', { key, headers: { trace: 'kept' }, value: POISON })
      await world.handled()
    }

    test('lists them in pages, and shows one', async () => {
      const [room, key] = [newId(), newId()]
      await bury(room)
      await buryPoison(key)
      const { code, stdout } = await run('list')
      expect(code).toBe(1)
      expect(stdout).toMatch(
        new RegExp(`room_not_found: no such room +from chat.messages.v1/[0-2]:[0-9]+ +room ${room}`),
      )
      expect(stdout).toContain('2 of them wait')
      expect(stdout).not.toContain('in ')

      const first = await list('--limit', '1')
      const second = await list('--limit', '1', '--after', first.next)
      expect([...first.letters, ...second.letters].map(({ roomId }) => roomId)).toEqual(
        expect.arrayContaining([room, null]),
      )
      expect(second.next).toBeNull()
      const positions = new Map([...first.letters, ...second.letters].map((it) => [it.roomId, it.position]))

      const shown = await run('show', positions.get(room))
      expect(shown.code).toBe(0)
      expect(shown.stdout).toContain(`key: ${room}\nheader reason: room_not_found: no such room\n`)
      expect(shown.stdout).toContain(`"body":"in ${room}"`)
      const poison = await run('show', positions.get(null))
      expect(poison.stdout).toContain('header trace: kept')
      expect(poison.stdout).toContain('00000000  ff 00 7b 1b 5b')
      expect(poison.stdout).not.toContain('\u001b')
      expect(await raw('show', positions.get(null), '--raw')).toEqual(POISON)
      expect(await run('show', '0:4000')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('0:4000'),
      })
    })

    function raw(...args: readonly string[]): Promise<Buffer> {
      const { promise, resolve } = Promise.withResolvers<Buffer>()
      const file = join(ROOT, 'scripts/dlq.ts')
      const env = { PATH: process.env.PATH ?? '', ...world.env }
      execFile(process.execPath, [file, ...args], { env, encoding: 'buffer' }, (_, stdout) => resolve(stdout))
      return promise
    }

    test('replays what can be stored by now, once', async () => {
      const rooms = [newId(), newId(), newId()]
      const buried = rooms.map((room) => ({
        ...encodeCreated(message(room, `in ${room}`)),
        headers: { trace: 'kept' },
      }))
      await world.eventLog.appendAll('created', buried, AbortSignal.timeout(10_000))
      await world.handled()
      for (const room of rooms) await world.newRoom(room)
      const dry = await run('replay', '--all', '--dry-run')
      expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('3 would be replayed') })
      expect(await waiting()).toHaveLength(3)
      const created = await world.follow('created')
      expect(await run('replay', '--all')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('3 replayed, 0 stored already, 0 left'),
      })
      await world.handled()
      for (const room of rooms) expect(await world.bodiesOf(room)).toEqual([`in ${room}`])
      await expect
        .poll(() => created.map(({ key, headers, value }) => ({ key, headers, value })))
        .toEqual(expect.arrayContaining(buried))
      expect(await run('replay', '--all')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('0 replayed, 0 stored already, 0 left'),
      })
      expect(await run('list')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('0 of them wait'),
      })
      expect(created).toHaveLength(3)
    })

    test('replays one that is named; named again it stays one message', async () => {
      const room = newId()
      await bury(room)
      const [position = ''] = await waiting()
      await world.newRoom(room)
      expect(await run('replay', position)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('1 replayed'),
      })
      await world.handled()
      expect(await run('replay', position)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('1 stored already'),
      })
      // As without a look at the database: the unique key lets no second row come of it.
      const env = { ...world.env, ...(engine.name === 'full' ? { DATABASE_URL: '' } : {}) }
      expect(await command('dlq', ['replay', position], env)).toMatchObject({ code: 0 })
      await world.handled()
      expect(await world.bodiesOf(room)).toEqual([`in ${room}`])
    })

    test('leaves one whose name another message has by now', async () => {
      const room = newId()
      const buried = message(room, 'buried')
      await world.send(buried)
      await world.handled()
      const [position = ''] = await waiting()
      await world.newRoom(room)
      await world.send({ ...buried, body: 'another' })
      await world.handled()
      const { code, stdout } = await run('replay', '--all')
      expect(code).toBe(1)
      expect(stdout).toContain(`left ${position}: another message has its name`)
      expect(stdout).toContain('0 replayed, 0 stored already, 1 left')
      expect(await world.bodiesOf(room)).toEqual(['another'])
    })

    test('killed between replaying and remembering it, it continues without a second message', async () => {
      const room = newId()
      await bury(room)
      await world.newRoom(room)
      const options = {
        db: world.database.db,
        openLog: async () => world.eventLog,
        isDry: false,
        isForced: false,
      }
      const changes = {
        commit: async () => {
          throw new Error('killed')
        },
      }
      await expect(replayAll({ ...options, reader: readerWith(changes, world.reader) })).rejects.toThrow(
        'killed',
      )
      await world.handled()
      expect(await run('replay', '--all')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('0 replayed, 1 stored already'),
      })
      expect(await world.bodiesOf(room)).toEqual([`in ${room}`])
    })

    test('leaves what nobody can read, unless it is forced', async () => {
      await buryPoison(newId())
      const [position = ''] = await waiting()
      const left = await run('replay', '--all')
      expect(left).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('0 replayed, 0 stored already, 1 left'),
      })
      expect(left.stdout).toContain(`left ${position}: it cannot be read (not UTF-8)`)
      expect(await waiting()).toEqual([])
      expect((await run('replay', position)).code).toBe(1)
      expect((await run('replay', position, '--force')).code).toBe(0)
      await world.handled()
      // It came back.
      expect(await waiting()).toHaveLength(1)
    })

    test('dismisses what nothing can be done about', async () => {
      await buryPoison(newId())
      const [position = ''] = await waiting()
      expect(await run('dismiss', '--all')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('1 dismissed'),
      })
      expect(await run('list')).toMatchObject({ code: 0, stdout: expect.stringContaining(`${position} `) })
    })

    if (engine.name === 'full') {
      test('needs no database to list, show and dismiss', async () => {
        await bury(newId())
        const [position = ''] = await waiting()
        const away = { ...world.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }
        for (const [args, code] of [
          [['list'], 1],
          [['show', position], 0],
          [['dismiss', '--all'], 0],
        ] as const)
          expect(await command('dlq', args, away)).toMatchObject({ code, stderr: '' })
      })
    }

    if (engine.name === 'embedded') {
      test('dismisses none that were removed for their age', async () => {
        await buryPoison(newId())
        await world.admin.db
          .deleteFrom('engine.log_records')
          .where('topic', '=', TOPICS.deadLetters.name)
          .execute()
        expect((await run('dismiss', '--all')).stdout).toMatch(/^0 dismissed/)
      })
    }

    test('leaves what came from elsewhere', async () => {
      const { key, value } = encodeCreated(message(newId(), 'from another system'))
      await world.eventLog.append('deadLetters', { key, headers: {}, value })
      const { code, stdout } = await run('replay', '--all')
      expect(code).toBe(1)
      expect(stdout).toContain('it came from nobody knows where')
    })
  })
}
