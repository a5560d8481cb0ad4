import { sumOfEdges } from '../../chaos/memory.ts'
import type { Stack } from '../../chaos/stack.ts'
import { until } from '../../chaos/until.ts'
import { cpuUsedBy } from '../cpu.ts'
import { mintOf, populate, privateKeyOf } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, type Row, ratioRow, type Target } from '../row.ts'
import { BareServer } from './bare-server.ts'
import type { ClientEnd } from './client-process.ts'
import { Clients } from './clients.ts'

const SOCKETS = 10_000
const SOCKETS_EACH = 2
const GONE_WITHIN_MS = 20_000

/**
 * Handshakes a second until `welcome`, of 10 000 sockets: of clients that come back, whose tokens are known, and with tokens
 * that are seen for the first time, each of which costs an EdDSA signature's check. Beside them a server that is nothing but
 * `ws`, with the same clients. By wall clock, with the clients and the database on the same machine.
 */
export const handshakes: Bench = { ids: ['A7', 'A7-EdDSA', 'A7-cpu'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  await using roomlog = await roomlogOf({ engine: 'embedded' })
  await using clients = new Clients()
  await using bare = await BareServer.start()
  const size = { users: SOCKETS / SOCKETS_EACH, rooms: SOCKETS / SOCKETS_EACH, membersEach: 1 }
  const { users } = await populate(roomlog.servers.postgres.url, size)
  const tokenOf = mintOf(privateKeyOf(roomlog))
  const known = users.map((userId) => ({ token: tokenOf(userId) }))
  const [ofBare, ofKnown, ofNew] = [new Wave(clients), new Wave(clients, roomlog), new Wave(clients, roomlog)]
  const rates = await inRounds(
    rounds,
    {
      ws: () => ofBare.perSecond(bare.pid, bare.url, Array(SOCKETS).fill({})),
      known: async () => {
        await ofNew.ofEdge(known)
        return ofKnown.ofEdge(Array(SOCKETS_EACH).fill(known).flat())
      },
      new: () => ofNew.ofEdge([...users, ...users].map((userId) => ({ token: tokenOf(userId) }))),
    },
    say,
  )
  const row = (
    id: string,
    what: string,
    target: Target,
    limit: readonly number[],
    measured: readonly number[],
  ) => ratioRow({ id, what, target }, limit, measured)
  return [
    row('A7', `handshakes/s of ${SOCKETS}, tokens known`, { atLeast: 0.7 }, rates.ws, rates.known),
    row('A7-EdDSA', 'the same, each token new', 'reported', rates.ws, rates.new),
    row('A7-cpu', 'a handshake, token known, CPU µs of the server', 'reported', ofBare.cpu, ofKnown.cpu),
  ]
}

/** Sockets that come all at once, and go. */
class Wave {
  readonly #clients: Clients
  readonly #roomlog: Stack | undefined
  /** Of the server, µs for each socket, of each wave but the first, which warms up. */
  readonly #cpu: number[] = []

  constructor(clients: Clients, roomlog?: Stack) {
    this.#clients = clients
    this.#roomlog = roomlog
  }

  get cpu(): readonly number[] {
    return this.#cpu.slice(1)
  }

  /** As `perSecond`; the edge has forgotten them at the end. */
  async ofEdge(ends: readonly ClientEnd[]): Promise<number> {
    const roomlog = this.#roomlog
    if (roomlog === undefined) throw new TypeError('a wave without a Roomlog')
    const perSecond = await this.perSecond(roomlog.pidOf('ws-edge') ?? 0, roomlog.wsUrls[0] ?? '', ends)
    const areGone = async () => (await sumOfEdges(roomlog, 'roomlog_edge_connections')) === 0
    await until('all sockets are gone', areGone, GONE_WITHIN_MS)
    return perSecond
  }

  async perSecond(pid: number, url: string, ends: readonly ClientEnd[]): Promise<number> {
    const before = await cpuUsedBy([pid])
    const ms = await this.#clients.open(url, ends)
    this.#cpu.push(((await cpuUsedBy([pid])) - before) / ends.length)
    await this.#clients.close()
    return (ends.length / ms) * 1000
  }
}
