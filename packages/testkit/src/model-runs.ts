/** What fast-check takes as parameters. */
export interface ModelRuns {
  readonly numRuns: number
  readonly seed?: number
  readonly path?: string
}

/** Of interleavings. */
const RUNS = 10_000

/**
 * How many interleavings each simulation plays, and inputs each fuzzer tries: `MODEL_RUNS=100000` for more of all than their
 * defaults. A failure prints a seed and a path; with them as `MODEL_SEED` and `MODEL_PATH`, and `-t` for the test, that one
 * is played again.
 */
export function modelRuns(runs = RUNS): ModelRuns {
  const { MODEL_RUNS, MODEL_SEED, MODEL_PATH } = process.env
  return {
    numRuns: MODEL_RUNS === undefined ? runs : Number(MODEL_RUNS),
    ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
    ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
  }
}

/** Inputs of a fuzzer, in the suite of each change. */
export const FUZZ_RUNS = 2_000
/** Milliseconds that the longest run of a fuzzer may take. */
export const FUZZ_TIMEOUT_MS = 1_200_000

/** A simulation came upon something that the design forbids. */
export class Violation extends Error {}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what)
}
