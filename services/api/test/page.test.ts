import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { suiteLog } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { ask, configFor, expectRefusal, listen } from './support.ts'

const INDEX = '<!doctype html><title>Roomlog</title><script src="/assets/index-abc123.js"></script>'
const SCRIPT = `// ${'long enough to be worth it '.repeat(40)}`
const ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>'
const SECRET = 'not for browsers'
const YEAR = 'public, max-age=31536000, immutable'

/** Nothing here asks the database. */
const config = configFor('postgres://127.0.0.1:9/none', { PUBLIC_WS_URLS: 'wss://edge.example.org/ws' })

describe('the page', () => {
  let folder: string
  let app: FastifyInstance
  let origin: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomlog-page-'))
    const dist = join(folder, 'dist')
    await mkdir(join(dist, 'assets'), { recursive: true })
    await writeFile(join(folder, 'secret.txt'), SECRET)
    await writeFile(join(dist, '.built-from'), SECRET)
    for (const [name, text] of [
      ['index.html', INDEX],
      ['icon.svg', ICON],
      ['assets/index-abc123.js', SCRIPT],
    ] as const) {
      await writeFile(join(dist, name), text)
      await writeFile(join(dist, `${name}.br`), brotliCompressSync(text))
      await writeFile(join(dist, `${name}.gz`), gzipSync(text))
    }
    await writeFile(join(dist, 'assets/plain-def456.css'), 'a{}')
    app = await buildApp(config, { log: suiteLog(), pageFolder: dist })
    origin = await listen(app)
  })
  afterAll(async () => {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  })

  const get = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
    app.inject({ method: method as 'GET', url: path, headers })

  test('is asked for each time, and sent only when it has changed', async () => {
    const { statusCode, headers, body } = await get('/')
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: INDEX })
    expect(headers['content-type']).toBe('text/html; charset=utf-8')
    expect(headers['cache-control']).toBe('no-cache')
    const again = await get('/', { 'if-none-match': String(headers.etag) })
    expect([again.statusCode, again.body]).toEqual([304, ''])
    expect((await get('/icon.svg')).headers['cache-control']).toBe('no-cache')
  })

  test('is the same however it was come to', async () => {
    for (const path of ['/?a=1', '/index.html']) expect((await get(path)).body).toBe(INDEX)
  })

  test('has files that never change', async () => {
    const { statusCode, headers, body } = await get('/assets/index-abc123.js')
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: SCRIPT })
    expect(headers['cache-control']).toBe(YEAR)
    expect(headers['content-type']).toMatch(/^application\/javascript/)
  })

  test.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ])('comes compressed as %s to who takes that', async (encoding, decompress) => {
    for (const [path, text, type] of [
      ['/', INDEX, /^text\/html/],
      ['/assets/index-abc123.js', SCRIPT, /^application\/javascript/],
    ] as const) {
      const { headers, rawPayload } = await get(path, { 'accept-encoding': encoding })
      expect(headers['content-encoding']).toBe(encoding)
      expect(headers['content-type']).toMatch(type)
      expect(headers.vary).toMatch(/accept-encoding/i)
      expect(decompress(rawPayload).toString()).toBe(text)
    }
  })

  test('comes as it is where it has no compressed twin, or nobody takes one', async () => {
    for (const accepted of ['br', 'identity']) {
      const { headers, body } = await get('/assets/plain-def456.css', { 'accept-encoding': accepted })
      expect([headers['content-encoding'], body]).toEqual([undefined, 'a{}'])
    }
  })

  test('answers HEAD with the head alone', async () => {
    for (const path of ['/', '/assets/index-abc123.js']) {
      const { statusCode, headers, body } = await get(path, {}, 'HEAD')
      expect([statusCode, body]).toEqual([200, ''])
      expect(Number(headers['content-length'])).toBeGreaterThan(0)
    }
  })

  test('may run its own scripts and styles, reach the edges, and be framed by nobody', async () => {
    const { headers } = await get('/')
    expect(String(headers['content-security-policy']).split(';').toSorted()).toEqual(
      [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self' wss://edge.example.org",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
      ].toSorted(),
    )
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['x-frame-options']).toBe('DENY')
    expect(headers['cross-origin-opener-policy']).toBe('same-origin')
  })

  test('leaves every other path to REST', async () => {
    const html = { headers: { accept: 'text/html' } }
    for (const path of ['/nothing', '/assets/nothing-abc123.js', '/assets/', '/assets', '/index.html.br']) {
      expectRefusal(await ask(app, `GET ${path}`, html), 404, 'not_found')
    }
    expectRefusal(await ask(app, 'GET /auth/login', html), 405, 'method_not_allowed')
    expectRefusal(await ask(app, 'POST /'), 405, 'method_not_allowed')
    expectRefusal(await ask(app, 'GET /rooms', html), 401, 'unauthenticated')
  })

  test.each([
    ['/assets/../../secret.txt'],
    ['/assets/..%2f..%2fsecret.txt'],
    ['/assets/%2e%2e/%2e%2e/secret.txt'],
    ['/assets/..%5c..%5csecret.txt'],
    ['/assets/%252e%252e/secret.txt'],
    ['/../secret.txt'],
    ['/..%2fsecret.txt'],
    ['/assets/../index.html%00.js'],
    ['/.built-from'],
    ['/assets/../.built-from'],
    ['/assets/%2e%2e/.built-from'],
  ])('has nothing beside it: %s', async (path) => {
    // Over a socket, for fetch would tidy the path.
    const { status, body } = await raw(origin, path)
    expect([400, 403, 404]).toContain(status)
    expect(body).not.toContain(SECRET)
  })
})

describe('a page that was not built', () => {
  test('is told once in the log and to whoever asks; REST is as it was', async () => {
    const logged: { level: number; msg: string }[] = []
    const log = pino({ level: 'warn' }, { write: (line) => logged.push(JSON.parse(line)) })
    await using app = closing(await buildApp(config, { log, pageFolder: '/nowhere/dist' }))
    expect(logged.filter(({ msg }) => /page/.test(msg))).toHaveLength(1)
    const { status, headers, body } = await ask(app.app, 'GET /')
    expect(status).toBe(503)
    expect(headers['content-type']).toMatch(/^text\/plain/)
    expect(headers['cache-control']).toBe('no-store')
    expect(body).toMatch(/not built[\s\S]*npm run page/)
    expect((await ask(app.app, 'GET /config')).status).toBe(200)
    expectRefusal(await ask(app.app, 'GET /assets/index-abc123.js'), 404, 'not_found')
  })
})

function closing(app: FastifyInstance) {
  return { app, [Symbol.asyncDispose]: () => app.close() }
}

async function raw(origin: string, path: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  const { hostname, port } = new URL(origin)
  const asked = request({ hostname, port, path, agent: false }, (got) => {
    text(got).then((body) => resolve({ status: got.statusCode ?? 0, body }), reject)
  })
  asked.on('error', reject)
  asked.end()
  return promise
}
