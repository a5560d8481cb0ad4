/** Of measurements in one unit, any order; nearest rank. */
export interface Percentiles {
  readonly n: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function percentiles(values: readonly number[]): Percentiles {
  const rank = (p: number) => percentile(values, p)
  return { n: values.length, p50: rank(0.5), p99: rank(0.99), max: rank(1) }
}

/** That of `p`, 0 to 1. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN
}
