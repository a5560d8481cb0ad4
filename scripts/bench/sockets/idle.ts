import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineName, Stack } from '../../chaos/stack.ts'
import { cpuUsedBy } from '../cpu.ts'
import { inhabitants } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import { type Bench, type BenchContext, figureRow, type Row } from '../row.ts'
import { Clients } from './clients.ts'

const SOCKETS = 10_000
const ROOMS = 1_000
/** After their start, or after the sockets came, services have something to do, and after that their memory is tidied up. */
const SETTLE_MS = 20_000
const WATCHED_MS = 30_000
const US_PER_PERCENT_MS = 10

/** CPU of each service that nobody uses, on both engines, in percent of a core. */
export const idle: Bench = {
  ids: ['idle', 'idle-full'],
  run: async ({ say, isWanted }) => {
    const rows: Row[] = []
    if (isWanted('idle')) rows.push(await idleOn('embedded', 'idle', say))
    if (isWanted('idle-full')) rows.push(await idleOn('full', 'idle-full', say))
    return rows
  },
}

/** CPU of an edge with 10 000 sockets, ten to a room, which do nothing but stay alive, in percent of a core. */
export const idleSockets: Bench = { ids: ['idle-10k'], run: withSockets }

async function idleOn(engine: EngineName, id: string, say: BenchContext['say']): Promise<Row> {
  await using roomlog = await roomlogOf({ engine })
  const used = await percentOf(roomlog, say)
  const each = [...used].map(([name, percent]) => `${name} ${percent.toFixed(2)}`).join(', ')
  return figureRow(
    {
      id,
      what: `idle service on ${engine}, CPU in % of a core, the highest of ${each}`,
      target: { atMost: 1 },
    },
    [Math.max(...used.values())],
  )
}

async function withSockets({ say, engine }: BenchContext): Promise<readonly Row[]> {
  await using roomlog = await roomlogOf({ engine })
  await using clients = new Clients()
  const size = { users: SOCKETS, rooms: ROOMS, membersEach: SOCKETS / ROOMS }
  const ends = await inhabitants(roomlog, size)
  await clients.open(roomlog.wsUrls[0] ?? '', ends)
  say(`${SOCKETS} sockets are joined`)
  const used = await percentOf(roomlog, say)
  await clients.close()
  const what = `edge with ${SOCKETS} idle sockets in ${ROOMS} rooms, CPU in % of a core`
  return [figureRow({ id: 'idle-10k', what, target: { atMost: 5 } }, [used.get('ws-edge') ?? Number.NaN])]
}

/** Of each service. */
async function percentOf(roomlog: Stack, say: BenchContext['say']): Promise<ReadonlyMap<string, number>> {
  await sleep(SETTLE_MS)
  const used = () => Promise.all(roomlog.names.map((name) => cpuUsedBy([roomlog.pidOf(name) ?? 0])))
  const [before, startedAtMs] = [await used(), performance.now()]
  say(`services are watched for ${WATCHED_MS / 1000} s`)
  await sleep(WATCHED_MS)
  const [after, tookMs] = [await used(), performance.now() - startedAtMs]
  return new Map(
    roomlog.names.map((name, i) => [name, ((after[i] ?? 0) - (before[i] ?? 0)) / tookMs / US_PER_PERCENT_MS]),
  )
}
