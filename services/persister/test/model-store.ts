import type { MessageStore, StoreTransaction } from '../src/batch/message-store.ts'
import type { JudgedRow, LockedRoom, NewRow } from '../src/batch/store-sql.ts'
import { isNamesake, judge, type RoomSnapshot, type StoredRow } from './judge.ts'

/** Every statement waits for its turn; resolves when it runs, rejects when the server or the connection fails it. */
export type Turn = (statement: Statement) => Promise<void>

export interface Statement {
  readonly kind: 'lockRooms' | 'storeRows' | 'commit'
  readonly transaction: ModelTransaction
  /** Does what can be done now; false when it has to wait for a lock. */
  readonly run: () => boolean
}

/** As the driver throws it; without a code: the connection is gone. */
export class ServerError extends Error {
  readonly code: string | undefined
  constructor(code: string | undefined) {
    super(code === undefined ? 'Connection terminated unexpectedly' : 'refused')
    this.code = code
  }
}

/** PostgreSQL refuses it, the event's schema does not. */
export const UNSTORABLE_TIME = '0000-01-01T00:00:00.000Z'
const EPOCH = 'epoch of the model'
const DATETIME_OVERFLOW = '22008'

/**
 * The message tables in memory, with what the storing transaction relies on: locks on rooms that are held until the
 * transaction ends, statements that see what was committed when they began, the three unique keys, all or nothing.
 */
export class ModelDatabase {
  /** What is committed. */
  readonly rooms = new Map<string, RoomSnapshot>()
  /** Told of each row that was committed. */
  onCommitted: (row: StoredRow) => void = () => {}
  /** Told of rows that were judged new and are not: nobody but lock holders writes here. */
  onConflict: () => void = () => {}
  readonly #locks = new Map<string, ModelTransaction>()

  createRooms(ids: readonly string[]): void {
    for (const id of ids) this.rooms.set(id, { lastSeq: 0, rows: [] })
  }

  /** As one process sees it. */
  store(turn: Turn): MessageStore {
    return {
      transaction: async (work) => {
        const transaction = new ModelTransaction(this, turn)
        try {
          const result = await work(transaction)
          await transaction.commit()
          return result
        } catch (error) {
          transaction.rollBack()
          throw error
        }
      },
    }
  }

  /** One after the other in ascending order; false while one is another's. */
  lock(transaction: ModelTransaction, roomIds: readonly string[]): boolean {
    return roomIds
      .filter((id) => this.rooms.has(id))
      .toSorted()
      .every((id) => {
        if (!this.#locks.has(id)) this.#locks.set(id, transaction)
        return this.#locks.get(id) === transaction
      })
  }

  holds(transaction: ModelTransaction, roomId: string): boolean {
    return this.#locks.get(roomId) === transaction
  }

  unlock(transaction: ModelTransaction): void {
    for (const [id, holder] of [...this.#locks]) if (holder === transaction) this.#locks.delete(id)
  }

  isFree(row: StoredRow): boolean {
    const rows = this.rooms.get(row.roomId)?.rows ?? []
    return !rows.some((it) => it.seq === row.seq || it.id === row.id || isNamesake(it, row))
  }

  write(inserts: readonly StoredRow[]): void {
    for (const row of inserts) {
      const rows = this.rooms.get(row.roomId)?.rows ?? []
      this.rooms.set(row.roomId, { lastSeq: row.seq, rows: [...rows, row] })
      this.onCommitted(row)
    }
  }
}

export class ModelTransaction implements StoreTransaction {
  readonly #database: ModelDatabase
  readonly #turn: Turn
  #inserts: readonly StoredRow[] = []
  #hasEnded = false

  constructor(database: ModelDatabase, turn: Turn) {
    this.#database = database
    this.#turn = turn
  }

  async lockRooms(roomIds: readonly string[]): Promise<readonly LockedRoom[]> {
    let locked: readonly LockedRoom[] = []
    await this.#statement('lockRooms', () => {
      if (!this.#database.lock(this, roomIds)) return false
      // Whoever waited gets the row as its last holder left it.
      locked = roomIds.flatMap((id) => {
        const room = this.#database.rooms.get(id)
        return room === undefined ? [] : [{ id, lastMessageId: room.rows.at(-1)?.id ?? null }]
      })
      return true
    })
    return locked
  }

  async storeRows(roomIds: readonly string[], rows: readonly NewRow[]): Promise<readonly JudgedRow[]> {
    let answer: readonly JudgedRow[] = []
    await this.#statement('storeRows', () => {
      if (rows.some(({ createdAt }) => createdAt === UNSTORABLE_TIME))
        throw new ServerError(DATETIME_OVERFLOW)
      const { rooms } = this.#database
      const snapshot = new Map([...rooms].filter(([id]) => roomIds.includes(id)))
      const { judgements, inserts } = judge(snapshot, rows)
      const isUnlocked = inserts.some(({ roomId }) => !this.#database.holds(this, roomId))
      this.#inserts = inserts.filter((row) => this.#database.isFree(row))
      if (isUnlocked || this.#inserts.length < inserts.length) this.#database.onConflict()
      answer = judgements.map((it) => ({ ...it, epoch: EPOCH }))
      return true
    })
    return answer
  }

  async commit(): Promise<void> {
    await this.#statement('commit', () => {
      this.applyCommit()
      return true
    })
  }

  /** The server took the commit, whether or not anybody hears of it. */
  applyCommit(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#database.write(this.#inserts)
    this.#database.unlock(this)
  }

  rollBack(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#database.unlock(this)
  }

  async #statement(kind: Statement['kind'], run: () => boolean): Promise<void> {
    const runUnlessEnded = () => {
      if (this.#hasEnded) throw new ServerError(undefined)
      return run()
    }
    await this.#turn({ kind, transaction: this, run: runUnlessEnded })
  }
}
