import type { Session } from '@roomlog/protocol/wire'
import type { VirtualTime } from './virtual-time.ts'

const GRACE_MS = 30_000

interface Family {
  readonly userId: string
  generation: number
  generationAtMs: number
  isRevoked: boolean
}

/** Tokens as the api gives them: refresh tokens by generation, with the grace for those that race. */
export class ModelAccounts {
  accessMs = 900_000
  /** Times that a refresh token was used which had been replaced for too long. */
  reuses = 0
  readonly #time: VirtualTime
  readonly #families = new Map<string, Family>()
  readonly #access = new Map<string, { readonly userId: string; readonly expiresAtMs: number }>()
  #made = 0

  constructor(time: VirtualTime) {
    this.#time = time
  }

  login(userId: string): Session {
    this.#made += 1
    const name = `f${this.#made}`
    this.#families.set(name, {
      userId,
      generation: 1,
      generationAtMs: this.#time.monotonicMs,
      isRevoked: false,
    })
    return this.#session(name)
  }

  refresh(refreshToken: string): Session | undefined {
    const [name = '', generation] = refreshToken.split('.')
    const family = this.#families.get(name)
    if (family === undefined || family.isRevoked) return undefined
    const used = Number(generation)
    const nowMs = this.#time.monotonicMs
    if (used === family.generation) {
      family.generation += 1
      family.generationAtMs = nowMs
    } else if (used !== family.generation - 1 || nowMs > family.generationAtMs + GRACE_MS) {
      family.isRevoked = true
      this.reuses += 1
      return undefined
    }
    return this.#session(name)
  }

  /** Undefined for one that was never given, or has expired. */
  byToken(token: string) {
    const session = this.#access.get(token)
    return session !== undefined && session.expiresAtMs > this.#time.monotonicMs ? session : undefined
  }

  endAll(): void {
    for (const family of this.#families.values()) family.isRevoked = true
    this.#access.clear()
  }

  expireAccess(): void {
    this.#access.clear()
  }

  #session(name: string): Session {
    const family = this.#families.get(name)
    if (family === undefined) throw new Error('no such family')
    this.#made += 1
    const { userId, generation } = family
    const accessToken = `a${this.#made}`
    this.#access.set(accessToken, { userId, expiresAtMs: this.#time.monotonicMs + this.accessMs })
    const user = { id: userId, username: userId, displayName: userId, createdAt: '2026-01-02T03:04:05.678Z' }
    const expiresIn = this.accessMs / 1000
    return { accessToken, tokenType: 'Bearer', expiresIn, refreshToken: `${name}.${generation}`, user }
  }
}
