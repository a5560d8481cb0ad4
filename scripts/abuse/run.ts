import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Child } from '../bench/child.ts'
import type { Audience } from '../bench/path/audience.ts'
import { median } from '../bench/row.ts'
import { sumOfEdges } from '../chaos/memory.ts'
import type { Stack } from '../chaos/stack.ts'
import { until } from '../chaos/until.ts'
import type { Attack, Field } from './attack.ts'
import type { Attacked, AttackerOrder } from './attacker.ts'
import { type Felt, Others } from './others.ts'
import { type Row, rowOf } from './row.ts'
import { Watch } from './watch.ts'

const WARM_MS = 1500
/** So that attackers do not take from the machine what the attacked could use: real ones have machines of their own. */
const ATTACKERS_NICE = 10
const GONE_WITHIN_MS = 30_000

/** Attacks one Roomlog after the other; others are measured alone before each. */
export class Abuse {
  readonly #stack: Stack
  readonly #others: Audience
  readonly #say: (what: string) => void
  readonly #alone: Felt[] = []
  #ended: string[] = []

  constructor(stack: Stack, others: Audience, say: (what: string) => void) {
    this.#stack = stack
    this.#others = others
    this.#say = say
    stack.onTrouble = (what) => this.#ended.push(what)
  }

  async run(attack: Attack, wantedSeconds: number): Promise<Row> {
    const { id, what, on, expected, leastSeconds = 0 } = attack
    const seconds = Math.max(wantedSeconds, leastSeconds)
    const field: Field = {
      stack: this.#stack,
      databaseUrl: this.#stack.servers.postgres.url,
      others: this.#others,
      say: this.#say,
    }
    const prepared = await attack.prepare?.(field)
    this.#ended = []
    const watch = await Watch.begin(this.#stack, on)
    const { attacked, felt } = await this.#measured(
      id,
      prepared,
      { alone: wantedSeconds / 2, seconds },
      watch,
    )
    const areGone = async () => (await sumOfEdges(this.#stack, 'roomlog_edge_connections')) === 0
    await until('all sockets are gone', areGone, GONE_WITHIN_MS)
    const seen = await watch.end()
    const ended = this.#ended
    return rowOf({ id, what, seconds, attacked, alone: this.#p99Alone(), felt, seen, ended, expected })
  }

  async #measured(
    id: string,
    prepared: unknown,
    { alone, seconds }: { readonly alone: number; readonly seconds: number },
    watch: Watch,
  ) {
    // Early: nobody is to feel that a process starts.
    await using attacker = new Child<AttackerOrder>(new URL('./attacker.ts', import.meta.url))
    setPriority(attacker.pid, ATTACKERS_NICE)
    await using others = await Others.come(this.#stack, this.#others)
    await delay(WARM_MS)
    await others.mark()
    await delay(alone * 1000)
    this.#alone.push(await others.mark())
    const [apiUrl, wsUrl = ''] = [this.#stack.apiUrl, this.#stack.wsUrls[0]]
    await watch.attackBegins()
    const attacked = await attacker.ask<Attacked>({ attack: id, apiUrl, wsUrl, prepared, ms: seconds * 1000 })
    await watch.attackEnded()
    return { attacked, felt: await others.stop() }
  }

  #p99Alone() {
    const of = (what: 'delivered' | 'page' | 'welcome') => median(this.#alone.map((felt) => felt[what].p99))
    return { delivered: of('delivered'), page: of('page'), welcome: of('welcome') }
  }
}
