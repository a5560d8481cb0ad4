import type { Member, User } from '@roomlog/protocol/wire'
import type { Api } from '../api.ts'
import type { Platform } from '../platform/platform.ts'
import { Cell, type Value } from '../platform/value.ts'

const MAX_IDS = 100
const GATHER_MS = 20

/** Users by id, as far as they are known; asking for one that is not reads it. */
export class Users {
  readonly #platform: Platform
  readonly #api: Api
  readonly #known = new Cell<ReadonlyMap<string, User>>(new Map())
  readonly #wanted = new Set<string>()

  constructor(platform: Platform, api: Api) {
    this.#platform = platform
    this.#api = api
  }

  get known(): Value<ReadonlyMap<string, User>> {
    return this.#known
  }

  /** Undefined until it is known; `known` changes then. */
  get(userId: string): User | undefined {
    const user = this.#known.get().get(userId)
    if (user === undefined && !this.#wanted.has(userId)) {
      // Else a reading is under way, which goes on until nobody is wanted.
      if (this.#wanted.size === 0) this.#platform.setTimeout(() => void this.#read(), GATHER_MS)
      this.#wanted.add(userId)
    }
    return user
  }

  /** From an answer of the api, whichever it is. */
  learnFrom(answer: unknown): void {
    const { users = {}, members = [] } = (answer ?? {}) as {
      readonly users?: Readonly<Record<string, User>> | readonly User[]
      readonly members?: readonly Member[]
    }
    const known = this.#known.get()
    const told = [...Object.values(users), ...members.map(({ user }) => user)]
    const news = told.filter(({ id, displayName }) => known.get(id)?.displayName !== displayName)
    if (news.length > 0) this.#known.set(new Map([...known, ...news.map((user) => [user.id, user] as const)]))
  }

  async #read(): Promise<void> {
    const ids = [...this.#wanted].slice(0, MAX_IDS)
    try {
      await this.#api.users(ids)
    } catch {
      // Whoever asks again will have it read again.
    }
    for (const id of ids) this.#wanted.delete(id)
    if (this.#wanted.size > 0) void this.#read()
  }
}
