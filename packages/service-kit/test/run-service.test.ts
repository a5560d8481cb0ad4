import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { collector } from '@roomlog/testkit'
import { afterEach, describe, expect, test } from 'vitest'

const FIXTURE = join(import.meta.dirname, 'fixtures', 'service.ts')
const DATABASE_URL = 'postgres://user:canary@localhost/none'
const PATIENCE = { timeout: 20_000 }
/** For Node: a line for each package of OpenTelemetry that is loaded, but for its API's, which prom-client has. */
const TELL_WHAT_IS_LOADED = `--import data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve: (specifier, context, next) => {
      if (/^@opentelemetry.(?!api$)/.test(specifier)) process.stdout.write('{"msg":"telemetry is loaded"}\\n')
      return next(specifier, context)
    },
  })`)}`

describe('a service’s process', () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  function start(env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [FIXTURE], {
      env: { PATH: process.env.PATH, DATABASE_URL, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    const output = { out: '', err: '' }
    child.stdout.on('data', (chunk) => {
      output.out += chunk
    })
    child.stderr.on('data', (chunk) => {
      output.err += chunk
    })
    const lines = (): readonly Record<string, unknown>[] =>
      output.out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    const line = (msg: string) =>
      expect.poll(() => lines().find((l) => l.msg === msg), PATIENCE).toBeDefined()
    return {
      child,
      output,
      lines,
      line,
      ended: once(child, 'close'),
      url: async () => {
        await line('fixture listens')
        return String(lines().find((l) => l.msg === 'fixture listens')?.address)
      },
    }
  }

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends at %s when the requests under way are answered',
    async (signal) => {
      const { child, url, line, ended } = start({ RELEASE: 'true' })
      const held = fetch(`${await url()}/held`)
      await line('held')
      child.kill(signal)
      expect(await (await held).json()).toEqual({ held: false })
      expect(await ended).toEqual([0, null])
    },
  )

  test('ends cleanly at a signal while it still waits for what it depends on', async () => {
    const { child, line, ended } = start({ NEVER_BUILT: 'true' })
    await line('builds')
    child.kill('SIGTERM')
    // As the first process of a container it would not hear a signal without a handler.
    expect(await ended).toEqual([0, null])
    await line('stopping')
  })

  test('takes a second signal for the first', async () => {
    const { child, url, lines, ended } = start()
    await url()
    child.kill('SIGTERM')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    expect(lines().filter(({ msg }) => msg === 'stopping')).toHaveLength(1)
  })

  test('answers whoever had connected before the signal, when it was too busy to see them', async () => {
    const { child, url, line, ended } = start()
    const { hostname, port, host } = new URL(await url())
    await fetch(`http://${host}/busy`)
    await line('busy')
    const callers = Array.from({ length: 20 }, () => connect(Number(port), hostname))
    await Promise.all(callers.map((caller) => once(caller, 'connect')))
    for (const caller of callers) caller.write(`GET /pass HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    child.kill('SIGTERM')
    const answers = await Promise.all(callers.map((caller) => text(caller).catch((error) => error.code)))
    expect(answers.map((answer) => answer.split('\r\n', 1)[0])).toEqual(callers.map(() => 'HTTP/1.1 200 OK'))
    expect(await ended).toEqual([0, null])
  })

  test('ends all the same when a request is never answered', async () => {
    const { child, url, line, ended } = start({ STOP_TIMEOUT_MS: '200' })
    const held = fetch(`${await url()}/held`).then(
      () => 'answered',
      () => 'broken off',
    )
    await line('held')
    child.kill('SIGTERM')
    expect(await ended).toEqual([1, null])
    await line('forced stop')
    expect(await held).toBe('broken off')
  })

  test('ends without a word at the pass of the crash point that it was told, and at no other', async () => {
    const { url, lines, ended } = start({ CRASH_AT: 'mid_drain:3' })
    const pass = async () => (await fetch(`${await url()}/pass`)).status
    expect([await pass(), await pass()]).toEqual([200, 200])
    await expect(pass()).rejects.toThrow()
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(lines().filter(({ msg }) => msg === 'stopping')).toEqual([])
  })

  test.each([
    ['without a collector nothing of traces is even loaded', '', []],
    ['what was traced last is exported before it ends', 'url', ['a step']],
  ])('%s', async (_name, endpoint, exported) => {
    await using to = await collector()
    const { child, url, lines, ended } = start({
      NODE_OPTIONS: TELL_WHAT_IS_LOADED,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint === 'url' ? to.url : endpoint,
    })
    await fetch(`${await url()}/traced`)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(to.spans().map(({ name }) => name)).toEqual(exported)
    expect(lines().some(({ msg }) => msg === 'telemetry is loaded')).toBe(exported.length > 0)
  })

  test('logs in to its collector', async () => {
    await using to = await collector({ login: 'Bearer canary' })
    const { child, url, ended } = start({
      OTEL_EXPORTER_OTLP_ENDPOINT: to.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary,x-tenant=chat',
    })
    await fetch(`${await url()}/traced`)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(to.spans()).toHaveLength(1)
  })

  test('ends cleanly although its collector does not answer', async () => {
    await using to = await collector({ status: 'none' })
    const { child, url, ended } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: to.url, STOP_TIMEOUT_MS: '8000' })
    await fetch(`${await url()}/traced`)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(to.requests).toHaveLength(1)
  })

  test('does not begin with wrong settings, and names them all', async () => {
    const { output, ended } = start({ DATABASE_URL: 'mysql://canary', PORT: 'canary', LOG_LEVEL: 'canary' })
    expect(await ended).toEqual([1, null])
    expect(output.out).toBe('')
    expect(output.err).toMatch(/^fixture: invalid settings:\n( {2}[A-Z_]+: .+\n){3}$/)
    for (const name of ['DATABASE_URL', 'PORT', 'LOG_LEVEL']) expect(output.err).toContain(`  ${name}: `)
    expect(output.err).not.toContain('canary')
  })

  test('does not begin where its port is taken, and says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? String(address?.port) : expect.fail('no port')
    const { lines, ended } = start({ PORT: port })
    expect(await ended).toEqual([1, null])
    expect(lines().at(-1)).toMatchObject({
      msg: 'fixture cannot start',
      level: 60,
      err: { code: 'EADDRINUSE' },
    })
    taken.close()
  })

  test.each([
    ['reject', 'unhandled rejection', 'nobody listens'],
    ['throw', 'uncaught exception', 'nobody catches'],
  ])('ends, to be started afresh, after a fault that nobody handled (%s)', async (path, msg, message) => {
    const { url, lines, ended } = start()
    await fetch(`${await url()}/${path}`).catch(() => undefined)
    expect(await ended).toEqual([1, null])
    expect(lines().at(-1)).toMatchObject({ msg, level: 60, err: { message } })
  })
})
