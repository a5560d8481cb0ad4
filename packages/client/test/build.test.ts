import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const FOLDER = dirname(import.meta.dirname)
/** Beside the sources, so that what it imports is found. */
const DIST = join(FOLDER, 'dist', 'checked')
const BUILD_TIMEOUT_MS = 300_000

const run = promisify(execFile)

beforeAll(async () => {
  await mkdir(DIST, { recursive: true })
}, BUILD_TIMEOUT_MS)
afterAll(() => rm(DIST, { recursive: true }))

test(
  'what is built keeps within its size, runs by itself and has types',
  async () => {
    // Fails where it is too large.
    await run(process.execPath, [join(FOLDER, 'build.mjs'), DIST])

    const say = `import { RoomlogClient } from ${JSON.stringify(join(DIST, 'index.js'))}
    const client = new RoomlogClient({ url: 'http://localhost:1' })
    client.login({ username: 'ada', password: '' }).catch(({ name, code }) => console.log(name, code))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', say])
    expect(stdout).toBe('RoomlogError network\n')

    await writeFile(
      join(DIST, 'user.ts'),
      `import { RoomlogClient, type Send } from './index.js'
    const client = new RoomlogClient({ url: '' })
    export const sent: Send = client.room('').send('hello')
    export const seqs: readonly number[] = client.room('').timeline().snapshot.get().messages.map(({ seq }) => seq)
    client.on('newMessage', ({ message }) => message.body.length)
    // @ts-expect-error: there is no such event
    client.on('nothing', () => undefined)`,
    )
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    // The wire's types come from the sources of @roomlog/protocol.
    const options = [
      '--noEmit',
      '--strict',
      '--allowImportingTsExtensions',
      '--module',
      'nodenext',
      '--target',
      'es2024',
    ]
    await run(process.execPath, [
      tsc,
      '--ignoreConfig',
      ...options,
      '--lib',
      'es2024,dom',
      '--types',
      'node',
      join(DIST, 'user.ts'),
    ])
  },
  BUILD_TIMEOUT_MS,
)
