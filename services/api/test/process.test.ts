import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ROLES } from '@roomlog/db'
import { keep, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEYS, lockWaiters, PASSWORD, type TestDatabase, testDatabase } from './support.ts'

const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts')
const PATIENCE = { timeout: 20_000 }

function start(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += chunk
    keep('operators', chunk)
  })
  child.stderr.on('data', (chunk) => {
    output.err += chunk
    keep('operators', chunk)
  })
  return { child, output, ended: once(child, 'close') }
}

suiteOn(['postgres'], 'the api’s process', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  test('does not begin without its settings, and names them', async () => {
    const { output, ended } = start({ JWT_PRIVATE_KEY: '{"d":"canary"}', JWT_PUBLIC_KEYS: 'canary' })
    expect(await ended).toEqual([1, null])
    for (const name of ['DATABASE_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS'])
      expect(output.err).toContain(name)
    expect(output.out + output.err).not.toContain('canary')
  })

  test('serves, and ends at SIGTERM when what is under way is answered', async () => {
    const env = { ...KEYS.env, DATABASE_URL: database.url, DATABASE_ROLE: ROLES.api, LOG_LEVEL: 'info' }
    const { child, output, ended } = start(env)
    try {
      await expect.poll(() => output.out, PATIENCE).toContain('api listens')
      const url = /"address":"([^"]+)"/.exec(output.out)?.[1] ?? expect.fail('no address')
      const post = (path: string, body: object, token?: string) =>
        fetch(`${url}${path}`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify(body),
        })
      const registered = await post('/auth/register', { username: 'ada', password: PASSWORD })
      const { accessToken } = (await registered.json()) as { accessToken: string }
      const { room } = (await (await post('/rooms', { name: 'room' }, accessToken)).json()) as {
        room: { id: string }
      }
      const { joining } = await database.admin.db.transaction().execute(async (trx) => {
        await sql`SELECT 1 FROM chat.rooms WHERE id = ${room.id} FOR UPDATE`.execute(trx)
        const joining = post(`/rooms/${room.id}/join`, {}, accessToken)
        await expect.poll(() => lockWaiters(database)).toBe(1)
        child.kill('SIGTERM')
        await expect.poll(() => output.out, PATIENCE).toContain('"msg":"stopping"')
        return { joining }
      })
      expect((await joining).status).toBe(200)
      expect(await ended).toEqual([0, null])
      expect(output.err).toBe('')
    } finally {
      child.kill('SIGKILL')
    }
  })
})
