import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelOnWire } from './model-on-wire.ts'
import { ROOM, World } from './world.ts'

const FOLDER = dirname(import.meta.dirname)
/** Beside the sources, so that what it imports is found. */
const DIST = join(FOLDER, 'dist', 'checked')
const BUILD_TIMEOUT_MS = 300_000
const TEST_TIMEOUT_MS = 120_000
const CHAT_TIMEOUT_MS = 60_000
/** The first that has a WebSocket. */
const MAJOR_WITH_WEBSOCKET = 22

const run = promisify(execFile)
const oldNode = await findOldNode()

beforeAll(async () => {
  await mkdir(DIST, { recursive: true })
  // Fails where it is too large.
  await run(process.execPath, [join(FOLDER, 'build.mjs'), DIST])
}, BUILD_TIMEOUT_MS)
afterAll(() => rm(DIST, { recursive: true }))

test('what is built runs by itself', async () => {
  const say = `import { RoomlogClient } from ${JSON.stringify(join(DIST, 'index.js'))}
    const client = new RoomlogClient({ url: 'http://localhost:1' })
    client.login({ username: 'ada', password: '' }).catch(({ name, code }) => console.log(name, code))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', say])
  expect(stdout).toBe('RoomlogError network\n')
})

test(
  'what is built has types',
  async () => {
    await writeFile(
      join(DIST, 'user.ts'),
      `import { RoomlogClient, type Send } from './index.js'
    import { WebSocket } from 'ws'
    const client = new RoomlogClient({ url: '', platform: { WebSocket } })
    export const sent: Send = client.room('').send('hello')
    export const seqs: readonly number[] = client.room('').timeline().snapshot.get().messages.map(({ seq }) => seq)
    client.on('newMessage', ({ message }) => message.body.length)
    // @ts-expect-error: there is no such event
    client.on('nothing', () => undefined)`,
    )
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    // The wire's types come from the sources of @roomlog/protocol.
    const options = ['--noEmit', '--strict', '--allowImportingTsExtensions']
    const libraries = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom', '--types', 'node']
    await run(process.execPath, [tsc, '--ignoreConfig', ...options, ...libraries, join(DIST, 'user.ts')])
  },
  TEST_TIMEOUT_MS,
)

if (oldNode === undefined) {
  const reason = `no Node before ${MAJOR_WITH_WEBSOCKET} is on PATH`
  process.stderr.write(`SKIPPED: the SDK was not run with the WebSocket of the package ws, ${reason}\n`)
  test.skip(`what is built chats without a WebSocket of Node’s own: skipped, ${reason}`, () => undefined)
} else
  test(
    `what is built chats in Node ${oldNode.version}, with the WebSocket of the package ws, and comes back`,
    async () => {
      const world = new World()
      world.server.room(ROOM).members.add('ada')
      await using wire = await modelOnWire(world.server)
      const chat = `import { RoomlogClient, until } from ${JSON.stringify(join(DIST, 'index.js'))}
        import { WebSocket } from 'ws'
        if (globalThis.WebSocket !== undefined) throw new Error('this Node has one')
        const client = new RoomlogClient({ url: '${wire.url}', platform: { WebSocket } })
        await client.login({ username: 'ada', password: '' })
        client.connect()
        const room = client.room('${ROOM}')
        const { snapshot } = room.timeline()
        const stored = (count) => until(snapshot, ({ messages, sends }) => messages.length === count && sends.length === 0)
        room.send('first')
        await stored(1)
        console.log('stored')
        await until(client.connection, ({ status }) => status === 'waiting')
        room.send('second')
        await stored(2)
        client.close()`
      const child = spawn(oldNode.program, ['--input-type=module', '-e', chat], {
        cwd: FOLDER,
        timeout: CHAT_TIMEOUT_MS,
      })
      const [said, problems] = [text(child.stdout), text(child.stderr)]
      child.stdout.once('data', () => wire.cut())
      // By itself: nothing keeps it running when the client is closed.
      const [code] = await once(child, 'exit')
      expect(await problems).toBe('')
      expect([code, await said, world.bodies]).toEqual([0, 'stored\n', ['first', 'second']])
    },
    TEST_TIMEOUT_MS,
  )

/** On PATH, where npm's scripts put the workspace's own first. */
async function findOldNode() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const program = join(folder, 'node')
    const version = await run(program, ['--version']).then(
      ({ stdout }) => stdout.trim().slice(1),
      () => undefined,
    )
    if (version !== undefined && Number.parseInt(version, 10) < MAJOR_WITH_WEBSOCKET)
      return { program, version }
  }
  return undefined
}
