import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { startDatabaseGuard } from './database-guard.ts'

/** A process that runs until told otherwise. */
async function running() {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(child, 'spawn')
  return { child, ended: once(child, 'exit') }
}

test('the server is stopped when nobody holds the pipe any more, not before', async () => {
  const [server, holder] = [await running(), await running()]
  const guard = startDatabaseGuard()
  guard.watch(server.child.pid)
  const service = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', guard.pipe] })
  await once(service, 'spawn')
  guard.pipe.destroy()
  // The holder's end is certain before that of the server could be.
  holder.child.kill()
  await holder.ended
  expect([server.child.exitCode, server.child.signalCode]).toEqual([null, null])
  service.kill()
  expect(await server.ended).toEqual([null, 'SIGINT'])
})

test('the latest server is the one that is stopped', async () => {
  const [first, second] = [await running(), await running()]
  const guard = startDatabaseGuard()
  guard.watch(first.child.pid)
  guard.watch(undefined)
  guard.watch(second.child.pid)
  guard.pipe.end()
  expect(await second.ended).toEqual([null, 'SIGINT'])
  expect(first.child.signalCode).toBeNull()
  first.child.kill()
})

test('an ended guard stops nothing', async () => {
  const server = await running()
  const guard = startDatabaseGuard()
  guard.watch(server.child.pid)
  await guard.end()
  server.child.kill('SIGTERM')
  expect(await server.ended).toEqual([null, 'SIGTERM'])
})
