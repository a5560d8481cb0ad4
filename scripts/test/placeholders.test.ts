import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

test.each([
  ['api', ['DATABASE_URL', 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS']],
  ['ws-edge', ['DATABASE_URL', 'JWT_PUBLIC_KEYS']],
  ['persister', ['DATABASE_URL']],
])('%s does not begin with what stands in .env.example', async (service, names) => {
  const child = spawn(
    process.execPath,
    ['--env-file=.env.example', join('services', service, 'src/main.ts')],
    { cwd: ROOT, env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.err += chunk
  })
  // One that does begin would not end by itself.
  onTestFinished(() => void child.kill('SIGKILL'))
  expect(await once(child, 'close')).toEqual([1, null])
  expect(output.out).toBe('')
  const told = [...output.err.matchAll(/^ {2}([A-Z_]+)/gm)].map(([, name]) => name)
  expect([...new Set(told)].toSorted()).toEqual(names)
  expect(output.err).not.toMatch(/<|password@host/)
})
