import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { freePort } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { keysIn } from '../start/keys.ts'
import { isAlive, newFolder, ROOT, type RunningRoomlog, startRoomlog, untilEnded } from './running-roomlog.ts'

describe('npm start', () => {
  let roomlog: RunningRoomlog
  const folders: string[] = []

  beforeAll(async () => {
    roomlog = await startRoomlog({ env: {} })
  })
  afterAll(async () => {
    await roomlog[Symbol.asyncDispose]()
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })

  test('says what it does, then where everything is', () => {
    const output = roomlog.output()
    expect(output).toMatch(/PostgreSQL 18.*\n[\s\S]*database schema[\s\S]*topics[\s\S]*services ready/)
    expect(output).toContain(roomlog.apiUrl)
    expect(output).toContain(roomlog.wsUrl)
  })

  test('shows the page where it says the chat is', async () => {
    expect(roomlog.output()).toMatch(/✓ page/)
    const [, url = ''] = /^ {2}chat +(\S+)$/m.exec(roomlog.output()) ?? []
    const page = await fetch(url)
    expect(page.status).toBe(200)
    expect(await page.text()).toMatch(/<script[^>]+src="\/assets\//)
  })

  test('health names what each service depends on', async () => {
    for (const { port } of (await roomlog.state()).services) {
      const health = await fetch(`http://localhost:${port}/health`)
      expect([health.status, await health.json()]).toEqual([
        200,
        { status: 'ok', checks: { database: 'ok' } },
      ])
    }
  })

  test.runIf(existsSync('/proc/self/environ'))(
    'secrets stand in no command line, and in the environment of those alone who need them',
    async () => {
      const { pid, postgresPid, services, databaseUrl } = await roomlog.state()
      const processes = [...services, { name: 'starter', pid }, { name: 'PostgreSQL', pid: postgresPid }]
      const secrets = {
        password: new URL(databaseUrl).password,
        key: JSON.parse((await keysIn(roomlog.dataFolder)).JWT_PRIVATE_KEY).d,
      }
      const holders = async (secret: string, file: 'cmdline' | 'environ') => {
        const texts = await Promise.all(processes.map((it) => readFile(`/proc/${it.pid}/${file}`, 'latin1')))
        return processes.flatMap(({ name }, i) => (texts[i]?.includes(secret) ? [name] : []))
      }
      for (const secret of Object.values(secrets)) {
        expect(secret).toMatch(/^.{20,}$/)
        expect(await holders(secret, 'cmdline')).toEqual([])
      }
      expect(await holders(secrets.key, 'environ')).toEqual(['api'])
      const users = (await holders(secrets.password, 'environ')).toSorted()
      expect(users).toEqual(['api', 'persister', 'ws-edge'])
    },
  )

  test('a second start on the same data ends with one line that says the way out', async () => {
    const { code, output } = await start({ ROOMLOG_DATA: roomlog.dataFolder })
    expect(code).toBe(1)
    expect(output).toMatch(/^Roomlog .*running.*(stop|ROOMLOG_DATA).*\n$/i)
  })

  test('a port in use ends it with one line that names the port and its setting', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const { code, output } = await start({ ROOMLOG_DATA: await folder(), API_PORT: port })
    server.close()
    expect(code).toBe(1)
    expect(output).toMatch(new RegExp(`^.*${port}.*API_PORT.*\\n$`))
  })

  test('settings that cannot be are all named at once', async () => {
    const { code, output } = await start({ ENGINE: 'full', EDGES: '0', ROOMLOG_DATA: await folder() })
    expect(code).toBe(1)
    for (const name of ['DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL', 'EDGES']) expect(output).toContain(name)
  })

  test('a PostgreSQL that is killed is started again', async () => {
    const { postgresPid } = await roomlog.state()
    if (postgresPid === undefined) throw new Error('no PostgreSQL')
    process.kill(postgresPid, 'SIGKILL')
    await vi.waitFor(
      async () => {
        expect([undefined, postgresPid]).not.toContain((await roomlog.state()).postgresPid)
        expect((await fetch(`${roomlog.apiUrl}/health`)).status).toBe(200)
      },
      { timeout: 60_000, interval: 100 },
    )
  })

  test('stops everything at SIGTERM, and the next start has the messages', async () => {
    const ada = await Person.register(roomlog.apiUrl, 'ada', 'Ada')
    const room = await ada.createRoom('Kept')
    const view = await LiveView.open(ada, [room.id])
    await view.send(room.id, 'kept over a restart')
    await view.until(() => view.seen.get(room.id)?.length === 1)
    view.close()
    const { services, postgresPid } = await roomlog.state()
    expect(await roomlog.stop()).toBe(0)
    const pids = [...services.map((s) => s.pid), postgresPid].filter((pid) => pid !== undefined)
    expect(pids).toHaveLength(4)
    expect(pids.filter(isAlive)).toEqual([])

    await using again = await startRoomlog({ env: {}, dataFolder: roomlog.dataFolder })
    const grace = await Person.register(again.apiUrl, 'grace', 'Grace')
    await grace.joinRoom(room.id)
    expect((await grace.history(room.id)).map((m) => m.body)).toEqual(['kept over a restart'])
  })

  test.each<[string, (roomlog: RunningRoomlog) => Promise<unknown>]>([
    ['the starter', async (r) => process.kill((await r.state()).pid, 'SIGKILL')],
    ['npm', (r) => r.stop('SIGKILL')],
  ])('kill -9 of %s leaves nothing running, and the next start works', async (_, kill) => {
    await using killed = await startRoomlog({ env: {}, dataFolder: await folder() })
    const { pid, services, postgresPid } = await killed.state()
    await kill(killed)
    await untilEnded([pid, postgresPid, ...services.map((s) => s.pid)])
    await using again = await startRoomlog({ env: {}, dataFolder: killed.dataFolder })
    await Person.register(again.apiUrl, 'ada', 'Ada')
  })

  async function folder(): Promise<string> {
    const path = await newFolder()
    folders.push(path)
    return path
  }
})

test('npm run dev shows the page from its sources, with the api behind it, and Ctrl-C ends all', async () => {
  const url = `http://localhost:${await freePort()}`
  await using dev = await startRoomlog({ script: 'dev', env: { PAGE_PORT: new URL(url).port } })
  expect(dev.output()).toContain(`chat       ${url}\n`)
  expect(await (await fetch(url)).text()).toContain('src="/src/main.tsx"')
  expect(await (await fetch(`${url}/config`)).json()).toMatchObject({ wsUrls: [dev.wsUrl] })
  const edge = new WebSocket(dev.wsUrl, { headers: { origin: url } })
  await once(edge, 'open')
  edge.close()
  const { services, postgresPid } = await dev.state()
  expect(await dev.stop('SIGINT')).toBe(0)
  await untilEnded([postgresPid, ...services.map((s) => s.pid)])
})

/** `npm start` that is expected to end by itself. */
async function start(env: Readonly<Record<string, string>>) {
  const ports = { API_PORT: await freePort(), EDGE_PORT: await freePort(), PERSISTER_PORT: await freePort() }
  const child = spawn(process.execPath, [join(ROOT, 'scripts/run.mjs'), join(ROOT, 'scripts/start.ts')], {
    env: {
      PATH: process.env.PATH ?? '',
      ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = await once(child, 'close')
  return { code, output }
}
