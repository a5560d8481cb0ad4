/** When who was told `overloaded` should come again. */
export const OVERLOADED_RETRY_MS = 1000

/** `rate` a second, up to `burst` at once. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  #tokens: number
  #atMs = performance.now()

  constructor(rate: number, burst: number) {
    this.#rate = rate
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes one and answers 0, or answers the milliseconds until there is one. */
  take(nowMs = performance.now()): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) * this.#rate) / 1000)
    this.#atMs = nowMs
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * 1000) / this.#rate)
    this.#tokens -= 1
    return 0
  }

  /** Nothing was taken for so long that a new one would be the same. */
  isFull(nowMs = performance.now()): boolean {
    return this.#tokens + ((nowMs - this.#atMs) * this.#rate) / 1000 >= this.#burst
  }
}

const SWEEP_INTERVAL_MS = 10_000

/** Buckets by key, made at first use and dropped when full. */
export class TokenBuckets {
  readonly #buckets = new Map<string, TokenBucket>()
  #sweptAtMs = performance.now()
  readonly #rate: number
  readonly #burst: number

  constructor(rate: number, burst: number) {
    this.#rate = rate
    this.#burst = burst
  }

  get size(): number {
    return this.#buckets.size
  }

  take(key: string): number {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      this.#sweepNowAndThen()
      bucket = new TokenBucket(this.#rate, this.#burst)
      this.#buckets.set(key, bucket)
    }
    return bucket.take()
  }

  #sweepNowAndThen(): void {
    const nowMs = performance.now()
    if (nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return
    this.#sweptAtMs = nowMs
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(nowMs)) this.#buckets.delete(key)
  }
}

/** Whether something happened `limit` times within a window. */
export class SlidingCount {
  readonly #limit: number
  readonly #windowMs: number
  #times: number[] = []

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  /** Adds one; true when the limit is reached. */
  add(nowMs: number): boolean {
    this.#times = [...this.#times.filter((at) => at > nowMs - this.#windowMs), nowMs]
    return this.#times.length >= this.#limit
  }
}
