import { setTimeout as delay } from 'node:timers/promises'

export interface LoadResult {
  readonly perSecond: number
  /** Of each, in the order in which they were done. */
  readonly latenciesMs: readonly number[]
}

/** `width` loops that each do `work` again and again, for so long. */
export async function load(
  width: number,
  ms: number,
  work: (loop: number) => Promise<unknown>,
): Promise<LoadResult> {
  const latenciesMs: number[] = []
  let isOver = false
  const loop = async (_: unknown, index: number) => {
    while (!isOver) {
      const askedAtMs = performance.now()
      await work(index)
      if (!isOver) latenciesMs.push(performance.now() - askedAtMs)
    }
  }
  const startedAtMs = performance.now()
  const loops = Promise.all(Array.from({ length: width }, loop))
  await Promise.race([delay(ms), loops])
  const perSecond = (latenciesMs.length * 1000) / (performance.now() - startedAtMs)
  isOver = true
  await loops
  return { perSecond, latenciesMs }
}
