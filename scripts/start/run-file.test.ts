import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RunState, readRunFile, removeRunFile, writeRunFile } from './run-file.ts'

const STATE: RunState = {
  pid: process.pid,
  engine: 'embedded',
  startedAt: '2026-01-01T00:00:00.000Z',
  ready: true,
  urls: { api: 'http://localhost:3000', ws: ['ws://localhost:3001/ws'] },
  services: [],
  databaseUrl: 'postgres://user:password@127.0.0.1:5432/name',
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomlog-run-file-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('what was written is read, by its user alone, until it is removed', async () => {
  await writeRunFile(folder, STATE)
  expect(await readRunFile(folder)).toEqual(STATE)
  expect((await stat(join(folder, 'run.json'))).mode & 0o777).toBe(0o600)
  await removeRunFile(folder)
  expect(await readRunFile(folder)).toBeUndefined()
})

test('what a starter left that was killed says nothing', async () => {
  const killed = spawn('true')
  await once(killed, 'exit')
  await writeRunFile(folder, { ...STATE, pid: killed.pid ?? 0 })
  expect(await readRunFile(folder)).toBeUndefined()
})
