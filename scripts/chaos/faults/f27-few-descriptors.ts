import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { sql } from 'kysely'
import { withDatabase } from '../database.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'
import type { Stack } from '../stack.ts'

/** So many more than it has open. */
const SPARE = 3
const FLOOD = 100
const PRESSURE_MS = 10_000
const DROPS = 10

export const fewDescriptors: Fault = {
  id: 'F27',
  title: 'few file descriptors',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    for (const name of [random.pick(stack.edges), 'api', random.pick(stack.persisters)]) {
      await nemesis.act(name, 'few file descriptors', () => squeeze(nemesis, name))
      await nemesis.sleep(5_000)
    }
  },
}

async function squeeze(nemesis: Nemesis, name: string): Promise<void> {
  const { stack, crowd, random } = nemesis
  const pid = stack.pidOf(name)
  const usual = prlimit(pid, '--nofile', '--raw', '--noheadings', '--output=SOFT').trim()
  prlimit(pid, `--nofile=${readdirSync(`/proc/${pid}/fd`).length + SPARE}:`)
  const { port } = stack.specOf(name)
  const flood = Array.from({ length: FLOOD }, () =>
    connectTcp(port, '127.0.0.1').on('error', () => undefined),
  )
  // What it has is taken from it as well: it has to get connections back of which it can open hardly any.
  await endDatabaseConnections(stack, name)
  const before = crowd.accepted
  for (let i = 0; i < DROPS; i += 1) {
    random.pick(crowd.clients).drop()
    await nemesis.sleep(PRESSURE_MS / DROPS)
  }
  nemesis.must(`others are served (${crowd.accepted - before} sends acknowledged)`, crowd.accepted > before)
  nemesis.must(`${name} lives`, stack.pidOf(name) === pid)
  prlimit(pid, `--nofile=${usual}:`)
  for (const socket of flood) (socket as Socket).destroy()
  await stack.ready([name])
  await nemesis.until('all are live', () => crowd.live === crowd.clients.length, 30_000)
}

function prlimit(pid: number | undefined, ...args: readonly string[]): string {
  return execFileSync('prlimit', [`--pid=${pid}`, ...args], { encoding: 'utf8' })
}

async function endDatabaseConnections({ servers }: Stack, name: string): Promise<void> {
  const application = `roomlog-${name.replace(/-\d+$/, '')}`
  await withDatabase(servers.postgres.url, (db) =>
    sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ${application}`.execute(
      db,
    ),
  )
}
