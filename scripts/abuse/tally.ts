export interface Counted {
  readonly connections: number
  /** Requests, or frames. */
  readonly requests: number
  readonly bytes: number
  /** How they were answered and connections ended, by status, close code or code of a refusal. */
  readonly answers: Readonly<Record<string, number>>
  /** Seconds that the longest of connections lived whose length is bounded. */
  readonly longestS: number
}

/** What an attacker has done, and what came of it. */
export class Tally {
  #connections = 0
  #requests = 0
  #bytes = 0
  #longestMs = 0
  readonly #answers: Record<string, number> = {}

  connected(): void {
    this.#connections += 1
  }

  sent(bytes: number, requests = 1): void {
    this.#requests += requests
    this.#bytes += bytes
  }

  answered(how: string | number): void {
    this.#answers[how] = (this.#answers[how] ?? 0) + 1
  }

  lived(ms: number): void {
    this.#longestMs = Math.max(this.#longestMs, ms)
  }

  get counted(): Counted {
    return {
      connections: this.#connections,
      requests: this.#requests,
      bytes: this.#bytes,
      answers: this.#answers,
      longestS: this.#longestMs / 1000,
    }
  }
}
