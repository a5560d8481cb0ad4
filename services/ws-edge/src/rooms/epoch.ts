import type { Tables } from '@roomlog/db'
import { type Logger, repeatEvery } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'
import { readEpoch } from './room-reads.ts'

const ASK_INTERVAL_MS = 2000

/** The database's epoch, for who connects; asked in the background, so that a handshake waits for no database. */
export class Epoch {
  readonly #db: Kysely<Tables>
  readonly #log: Logger
  readonly #first: Promise<void>
  readonly #asking
  #value: string | undefined

  constructor(db: Kysely<Tables>, log: Logger) {
    this.#db = db
    this.#log = log
    this.#first = this.#ask()
    this.#asking = repeatEvery(ASK_INTERVAL_MS, () => this.#ask())
  }

  /** Undefined until the database was reached. */
  get value(): string | undefined {
    return this.#value
  }

  async stop(): Promise<void> {
    await this.#first
    await this.#asking.stop()
  }

  async #ask(): Promise<void> {
    try {
      this.#value = await readEpoch(this.#db)
    } catch (err) {
      this.#log.warn({ err }, 'the database does not tell its epoch')
    }
  }
}
