import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Passwords, passwordHasher } from '@roomlog/api/passwords'
import { requestOf } from '../../request.ts'
import { cpuOf } from '../cpu.ts'
import { roomlogOf } from '../roomlog.ts'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, median, type Row, ratioRow } from '../row.ts'
import { load } from './load.ts'

const AT_ONCE = 16
const LOAD_MS = 4000
const HASHES = 20
const QUEUED = 32
const STATS_WHEN_IDLE = 100
const FILE = fileURLToPath(import.meta.url)

/** Logins against what one hash costs, and how long a file waits behind them for the threads that both need. */
export const logins: Bench = { ids: ['E1', 'E2'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  const passwords = await passwordHasher()
  return [
    ...(context.isWanted('E1') ? [await loginsRow(context, passwords)] : []),
    ...(context.isWanted('E2') ? [await statRow(context, passwords)] : []),
  ]
}

async function loginsRow({ rounds, say }: BenchContext, passwords: Passwords): Promise<Row> {
  await using roomlog = await roomlogOf({
    engine: 'embedded',
    env: { ACCOUNT_LOGINS_PER_MINUTE: '1000000' },
  })
  const [username, password] = [`login_${crypto.randomUUID().slice(0, 8)}`, crypto.randomUUID()]
  const post = async (path: string, body: object) => {
    const answer = await fetch(roomlog.apiUrl + path, requestOf({ method: 'POST', body }))
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`)
  }
  await post('/auth/register', { username, password, displayName: 'Bench' })
  const measured = await inRounds(
    rounds,
    {
      limit: async () => (availableParallelism() * 1_000_000) / (await hashUs(passwords)),
      logins: async () =>
        (await load(AT_ONCE, LOAD_MS, () => post('/auth/login', { username, password }))).perSecond,
    },
    (text) => say(`E1: ${text} a second`),
  )
  const what = `logins/s, ${AT_ONCE} at once; limit: cores ÷ CPU of a hash`
  return ratioRow({ id: 'E1', what, target: { atLeast: 0.85 } }, measured.limit, measured.logins)
}

/** CPU of one, by itself. */
async function hashUs(passwords: Passwords): Promise<number> {
  const { user, system } = await cpuOf(async () => {
    for (let i = 0; i < HASHES; i += 1) await passwords.verify(async () => undefined, crypto.randomUUID())
  })
  return (user + system) / HASHES
}

async function statRow({ rounds, say }: BenchContext, passwords: Passwords): Promise<Row> {
  const measured = await inRounds(
    rounds,
    {
      idle: async () => {
        const times: number[] = []
        for (let i = 0; i < STATS_WHEN_IDLE; i += 1) times.push(await statMs())
        return median(times)
      },
      queued: async () => {
        let isOver = false
        const hashes = Array.from({ length: QUEUED }, () =>
          passwords.verify(async () => undefined, crypto.randomUUID()),
        )
        const all = Promise.all(hashes).finally(() => {
          isOver = true
        })
        const times: number[] = []
        while (!isOver) times.push(await statMs())
        await all
        return median(times)
      },
    },
    (text) => say(`E2: ${text} ms`),
  )
  const what = `fs.stat while ${QUEUED} logins queue, median ms; limit: while none does`
  const row = figureRow({ id: 'E2', what, target: { atMost: 15 } }, measured.queued)
  return { ...row, limit: Number(median(measured.idle).toPrecision(3)) }
}

async function statMs(): Promise<number> {
  const askedAtMs = performance.now()
  await stat(FILE)
  return performance.now() - askedAtMs
}
