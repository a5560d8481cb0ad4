import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 25

/** Resolves with the milliseconds until `condition` held; rejects after `patienceMs`, naming what did not come. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs: number,
): Promise<number> {
  const startedAtMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedAtMs > patienceMs) throw new Error(`${what}: not within ${patienceMs} ms`)
    await sleep(POLL_MS)
  }
  return performance.now() - startedAtMs
}
