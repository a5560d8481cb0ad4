/** What fast-check takes as parameters. */
export interface ModelRuns {
  readonly numRuns: number
  readonly seed?: number
  readonly path?: string
}

const RUNS = 10_000

/**
 * How many interleavings each simulation plays: `MODEL_RUNS=100000` plays more. A failure prints a seed and a path; with
 * them as `MODEL_SEED` and `MODEL_PATH`, and `-t` for the test, that one is played again.
 */
export function modelRuns(env: Readonly<Record<string, string | undefined>> = process.env): ModelRuns {
  const { MODEL_RUNS, MODEL_SEED, MODEL_PATH } = env
  return {
    numRuns: MODEL_RUNS === undefined ? RUNS : Number(MODEL_RUNS),
    ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
    ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
  }
}

/** A simulation came upon something that the design forbids. */
export class Violation extends Error {}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what)
}
