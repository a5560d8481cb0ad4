import { setTimeout as sleep } from 'node:timers/promises'
import type { Recording } from '@roomlog/testkit/proof'
import type { Crowd } from './load/crowd.ts'

const LEAST_AFTER_HEAL_MS = 8_000
const MOST_AFTER_HEAL_MS = 30_000
const ACKS_AFTER_HEAL = 5
const SPEAKERS_AT_ONCE = 25
const SETTLE_SENDS_MS = 30_000
const SETTLE_MS = 5_000

/** Faults are over. Load goes on until `ready` has resolved and everybody got ACKs again. */
export async function afterHeal(crowd: Crowd, own: Recording, ready: () => Promise<void>): Promise<void> {
  own.write({ type: 'phase', phase: 'healed' })
  const healedAtMs = performance.now()
  // Until so many are accepted, some may be of sends that were begun before.
  const before = crowd.clients.map(({ sends }) => sends.accepted + sends.pending)
  await ready().then(
    () => own.write({ type: 'ready' }),
    (error: Error) => own.write({ type: 'trouble', what: error.message }),
  )
  const waiting = () =>
    crowd.clients.filter(({ sends }, i) => sends.accepted - (before[i] ?? 0) < ACKS_AFTER_HEAL)
  for (;;) {
    const passedMs = performance.now() - healedAtMs
    const silent = waiting()
    const isEnough = silent.length === 0 && crowd.live === crowd.clients.length
    if (passedMs > MOST_AFTER_HEAL_MS || (passedMs > LEAST_AFTER_HEAL_MS && isEnough)) return
    // In a large crowd chance alone would let some wait for minutes until they say anything.
    crowd.speakUp(silent.filter(({ sends }) => sends.pending === 0).slice(0, SPEAKERS_AT_ONCE))
    await sleep(50)
  }
}

/** The load ends, all becomes quiet, and everything is read once more. */
export async function comeToRest(crowd: Crowd, own: Recording): Promise<void> {
  await crowd.stop()
  own.write({ type: 'phase', phase: 'stopped' })
  await crowd.settle(SETTLE_SENDS_MS)
  await sleep(SETTLE_MS)
  own.write({ type: 'phase', phase: 'settled' })
  await attempt('the last reading', own, () => crowd.readEverything())
}

/** What could not be done is a failure of the run, not of the process that runs it. */
export async function attempt<T>(
  what: string,
  own: Recording,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    own.write({ type: 'trouble', what: `${what} could not be done: ${(error as Error).message}` })
    return undefined
  }
}
