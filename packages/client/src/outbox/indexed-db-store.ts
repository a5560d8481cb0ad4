import { type Database, type IndexedDb, openDatabase, transact } from '../platform/indexed-db.ts'
import type { Locks, Platform } from '../platform/platform.ts'
import type { KeptSend, OutboxStore } from './outbox-store.ts'

interface Row extends KeptSend {
  readonly userId: string
  /** The tab that sends it. */
  readonly tab: string
  /** The row's key, which rises in the order of sending; the database gives it. */
  readonly order?: number
}

const DATABASE = { name: 'roomlog', store: 'outbox', key: 'order' } as const

/**
 * In IndexedDB. A tab holds a lock of its own name as long as it lives: whoever gets that lock knows that the tab is gone,
 * and makes its rows their own while holding it.
 */
export function indexedDbOutboxStore(
  userId: string,
  { indexedDB, locks, newId }: Pick<Options, 'indexedDB' | 'locks'> & Pick<Platform, 'newId'>,
): OutboxStore {
  return new IndexedDbStore({ indexedDB, locks, userId, tab: newId() })
}

interface Options {
  readonly indexedDB: IndexedDb
  readonly locks: Locks
  readonly userId: string
  readonly tab: string
}

class IndexedDbStore implements OutboxStore {
  isKept = true
  readonly #options: Options
  readonly #database: Promise<Database | undefined>
  /** Of what is kept here, by clientMsgId. */
  readonly #orders = new Map<string, number>()
  #leave: () => void = () => undefined
  /** One write after the other: each needs to know what the one before has done. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(options: Options) {
    this.#options = options
    this.#database = this.#open()
  }

  adopt(): Promise<readonly KeptSend[]> {
    return this.#inTurn([], async (database) => {
      const { userId, tab, locks } = this.#options
      const rows = (await this.#rows(database)).filter((row) => row.userId === userId && row.tab !== tab)
      const adopted: KeptSend[] = []
      for (const other of new Set(rows.map((row) => row.tab))) {
        adopted.push(
          ...(await locks.request(lockOf(other), { ifAvailable: true }, async (lock) =>
            lock === null ? [] : this.#takeFrom(database, other),
          )),
        )
      }
      return adopted
    })
  }

  async put(send: KeptSend): Promise<void> {
    await this.#inTurn(undefined, async (database) => {
      const { userId, tab } = this.#options
      const { clientMsgId, roomId, body, createdAt, code } = send
      const order = this.#orders.get(clientMsgId)
      const row: Row = {
        ...{ clientMsgId, roomId, body, createdAt, userId, tab },
        ...(code !== undefined && { code }),
        ...(order !== undefined && { order }),
      }
      const key = await transact(database, DATABASE.store, 'readwrite', (store) => store.put(row))
      this.#orders.set(clientMsgId, Number(key))
    })
  }

  async remove(clientMsgId: string): Promise<void> {
    await this.#inTurn(undefined, async (database) => {
      const order = this.#orders.get(clientMsgId)
      if (order === undefined) return
      await transact(database, DATABASE.store, 'readwrite', (store) => store.delete(order))
      this.#orders.delete(clientMsgId)
    })
  }

  async clear(): Promise<void> {
    await this.adopt()
    for (const clientMsgId of [...this.#orders.keys()]) await this.remove(clientMsgId)
  }

  close(): void {
    // After what is still to be written: who has the lock may take the rows.
    void this.#inTurn(undefined, async (database) => database.close()).finally(() => this.#leave())
  }

  /** The rows of a tab that is gone: read and made this one's in one transaction. */
  async #takeFrom(database: Database, other: string): Promise<readonly Row[]> {
    const { userId, tab } = this.#options
    const taken: Row[] = []
    await transact(database, DATABASE.store, 'readwrite', (store) => {
      const request = store.getAll()
      request.onsuccess = () => {
        for (const row of request.result as Row[]) {
          if (row.userId !== userId || row.tab !== other) continue
          taken.push(row)
          store.put({ ...row, tab })
        }
      }
      return request
    })
    for (const { clientMsgId, order } of taken) this.#orders.set(clientMsgId, order ?? 0)
    return taken
  }

  async #rows(database: Database): Promise<readonly Row[]> {
    return (await transact(database, DATABASE.store, 'readonly', (store) => store.getAll())) as Row[]
  }

  /** With the tab's lock held, so that no row of a tab that lives is without. */
  async #open(): Promise<Database | undefined> {
    try {
      await this.#enter()
      return await openDatabase(this.#options.indexedDB, DATABASE)
    } catch {
      this.isKept = false
      return undefined
    }
  }

  #enter(): Promise<void> {
    const { locks, tab } = this.#options
    return new Promise((entered, failed) => {
      const held = () => {
        entered()
        return new Promise<void>((leave) => {
          this.#leave = leave
        })
      }
      locks.request(lockOf(tab), {}, held).catch(failed)
    })
  }

  /** What the browser refuses, for want of room say, is not kept. */
  #inTurn<T>(otherwise: T, act: (database: Database) => Promise<T>): Promise<T> {
    const turn = this.#writing.then(async () => {
      const database = await this.#database
      if (database === undefined) return otherwise
      try {
        return await act(database)
      } catch {
        this.isKept = false
        return otherwise
      }
    })
    this.#writing = turn
    return turn
  }
}

function lockOf(tab: string): string {
  return `roomlog:tab:${tab}`
}
