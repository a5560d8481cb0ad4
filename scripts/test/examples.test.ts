import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { dirname, extname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, browser, freePort, python, suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { EXAMPLES, runExample, scene } from './example-run.ts'
import { type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

const TEST_TIMEOUT_MS = 300_000
const PATIENCE = { timeout: 60_000, interval: 200 }
/** Beside the sources, so that what the build imports is found. */
const DIST = join(EXAMPLES, '../dist/example')
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }

suiteOn(['python'], 'the example in Python', () => {
  let roomlog: RunningRoomlog

  beforeAll(async () => {
    roomlog = await startRoomlog({ env: {} })
  })
  afterAll(() => roomlog[Symbol.asyncDispose]())

  test(
    'answers each ping once: also what came while it was away, and none again when it starts anew',
    async () => {
      const { args, say, said } = await scene(roomlog)
      const program = await python()
      const answers = () => said('pong to')
      {
        await using bot = runExample('bot.py', args, program)
        await bot.shows('live')
        await say('ping')
        await vi.waitFor(async () => expect(await answers()).toEqual(['pong to 1']), PATIENCE)
        await roomlog.killService('ws-edge')
        await say('ping')
        await vi.waitFor(async () => expect(await answers()).toEqual(['pong to 1', 'pong to 3']), PATIENCE)
        expect(bot.output()).toContain('offline')
      }
      await say('ping')
      await using again = runExample('bot.py', args, program)
      await again.shows('live')
      const all = ['pong to 1', 'pong to 3', 'pong to 5']
      await vi.waitFor(async () => expect(await answers()).toEqual(all), PATIENCE)
      await say('ping')
      await vi.waitFor(async () => expect(await answers()).toEqual([...all, 'pong to 7']), PATIENCE)
    },
    TEST_TIMEOUT_MS,
  )
})

suiteOn(['browser'], 'the example without a build step', () => {
  let roomlog: RunningRoomlog
  let chromium: Browser
  let files: Server
  let origin: string

  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [join(EXAMPLES, '../build.mjs'), DIST])
    const port = await freePort()
    origin = `http://localhost:${port}`
    files = createServer(async ({ url = '' }, response) => {
      const path = normalize(new URL(url, origin).pathname)
      const file = path.startsWith('/dist/')
        ? join(dirname(DIST), 'example', path.slice(6))
        : join(EXAMPLES, path)
      response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain')
      response.end(await readFile(file).catch(() => undefined))
    }).listen(port)
    roomlog = await startRoomlog({ env: { CORS_ORIGINS: origin, ALLOWED_ORIGINS: origin } })
    chromium = await browser()
  })
  afterAll(async () => {
    await chromium?.close()
    await roomlog?.[Symbol.asyncDispose]()
    files?.close()
    await rm(DIST, { recursive: true, force: true })
  })

  test('logs in, shows what is said, and says something', async () => {
    const { args, say, said } = await scene(roomlog)
    const [url = '', username = '', password = '', room = ''] = args
    await say('hello')
    const page = await chromium.newPage()
    await page.goto(`${origin}/without-build.html?${new URLSearchParams({ url, room })}`)
    await page.getByPlaceholder('Username').fill(username)
    await page.getByPlaceholder('Password').fill(password)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Grace: hello').waitFor()
    await page.getByPlaceholder('Message').fill('<b>hi</b>')
    await page.keyboard.press('Enter')
    await page.getByText('Ada: <b>hi</b>').waitFor()
    await vi.waitFor(async () => expect(await said('<b>')).toEqual(['<b>hi</b>']), PATIENCE)
    await page.getByText('online').waitFor()
  })
})
