/** A process that attacks. Told over IPC what to do: see `AttackerOrder`. */
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { answerOrders } from '../bench/child.ts'
import { ATTACKS } from './attacks/index.ts'
import { type Counted, Tally } from './tally.ts'

export interface AttackerOrder {
  readonly attack: string
  readonly apiUrl: string
  readonly wsUrl: string
  readonly prepared: unknown
  readonly ms: number
}

export interface Attacked extends Counted {
  /** µs of this process. */
  readonly cpu: number
}

/** One listener of the signal for each connection. */
const NO_BOUND = 0

answerOrders<AttackerOrder>(async ({ attack: id, apiUrl, wsUrl, prepared, ms }): Promise<Attacked> => {
  const attack = ATTACKS.find((it) => it.id === id)
  if (attack === undefined) throw new Error(`no attack ${id}`)
  const over = new AbortController()
  EventEmitter.setMaxListeners(NO_BOUND, over.signal)
  const tally = new Tally()
  const before = process.cpuUsage()
  const ground = { apiUrl: new URL(apiUrl), wsUrl: new URL(wsUrl), tally, over: over.signal }
  const running = Promise.resolve(attack.run(ground, prepared as never))
  await delay(ms)
  over.abort()
  await running
  const { user, system } = process.cpuUsage(before)
  return { ...tally.counted, cpu: user + system }
})
