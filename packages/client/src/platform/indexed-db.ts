/** What is used of a browser's IndexedDB. */
export interface IndexedDb {
  open(name: string, version: number): OpenRequest
}

interface Request<T> {
  readonly result: T
  readonly error: unknown
  onsuccess: unknown
  onerror: unknown
}

interface OpenRequest extends Request<Database> {
  onupgradeneeded: unknown
  onblocked: unknown
}

export interface Database {
  onversionchange: unknown
  close(): void
  createObjectStore(name: string, options: { keyPath: string; autoIncrement: boolean }): unknown
  transaction(name: string, mode: 'readonly' | 'readwrite'): Transaction
}

interface Transaction {
  readonly error: unknown
  oncomplete: unknown
  onabort: unknown
  objectStore(name: string): ObjectStore
}

export interface ObjectStore {
  put(value: object): Request<unknown>
  delete(key: number): Request<unknown>
  getAll(): Request<unknown[]>
}

/** Opens a database with one object store, whose keys are numbers that rise in the order of writing. */
export function openDatabase(
  indexedDB: IndexedDb,
  { name, store, key }: { readonly name: string; readonly store: string; readonly key: string },
): Promise<Database> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(store, { keyPath: key, autoIncrement: true })
    }
    request.onblocked = () => reject(new Error(`${name} is held open in an older version`))
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const database = request.result
      // A later version in another tab must not wait for this one.
      database.onversionchange = () => database.close()
      resolve(database)
    }
  })
}

/** Runs `act` in a transaction; resolves with the result of the request that it gives back, once all is written. */
export function transact<T>(
  database: Database,
  name: string,
  mode: 'readonly' | 'readwrite',
  act: (store: ObjectStore) => Request<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode)
    const request = act(transaction.objectStore(name))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = () => reject(transaction.error ?? request.error)
  })
}
