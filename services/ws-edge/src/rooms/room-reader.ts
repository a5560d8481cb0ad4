import type { Tables } from '@roomlog/db'
import type { Kysely } from 'kysely'
import { type FullRead, type ReadRequest, readRooms } from './room-reads.ts'

const MAX_REQUESTS_PER_STATEMENT = 100
/** Over all statements at once no more than 50. */
const MAX_PAGES_PER_STATEMENT = 8
/** At once; the pool has room for others beside. */
const MAX_STATEMENTS = 6

interface Waiting {
  readonly request: ReadRequest
  readonly settle: PromiseWithResolvers<FullRead>
}

/** Those that ask for the same rows, which are read and encoded once for all of them. */
type Sharing = Waiting[]

/**
 * Reads rooms for whoever asks: what is asked while statements are under way goes together into the next, so a storm of
 * joins is a few statements. Head, membership and rows of one answer are of one moment.
 */
export class RoomReader {
  readonly #db: Kysely<Tables>
  readonly #waiting: Waiting[] = []
  /** Those that ask for rows, by which rows. */
  readonly #waitingForRows = new Map<string, Sharing>()
  #running = 0

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  /** Rejects with the driver's errors. */
  read(request: ReadRequest): Promise<FullRead> {
    const settle = Promise.withResolvers<FullRead>()
    const isFirst = !this.#isWaiting
    this.#lineFor(request).push({ request, settle })
    // What is asked in the same turn of the event loop goes together.
    if (isFirst) setImmediate(() => this.#pump())
    return settle.promise
  }

  #lineFor({ roomId, afterSeq, maxMissing }: ReadRequest): Waiting[] {
    if (afterSeq === null) return this.#waiting
    const key = `${roomId} ${afterSeq} ${maxMissing}`
    const line = this.#waitingForRows.get(key) ?? []
    this.#waitingForRows.set(key, line)
    return line
  }

  get #isWaiting(): boolean {
    return this.#waiting.length + this.#waitingForRows.size > 0
  }

  #pump(): void {
    while (this.#isWaiting && this.#running < MAX_STATEMENTS) {
      const sharing = this.#takeSharing()
      const asked = sharing.reduce((sum, line) => sum + line.length, 0)
      const others = this.#waiting.splice(0, MAX_REQUESTS_PER_STATEMENT - asked)
      this.#running += 1
      void this.#run(sharing, others).finally(() => {
        this.#running -= 1
        this.#pump()
      })
    }
  }

  /** In the order in which they came. */
  #takeSharing(): readonly Sharing[] {
    const taken: Sharing[] = []
    let left = MAX_REQUESTS_PER_STATEMENT
    for (const [key, line] of this.#waitingForRows) {
      if (taken.length === MAX_PAGES_PER_STATEMENT || left === 0) break
      const part = line.splice(0, left)
      left -= part.length
      taken.push(part)
      if (line.length === 0) this.#waitingForRows.delete(key)
    }
    return taken
  }

  async #run(sharing: readonly Sharing[], others: readonly Waiting[]): Promise<void> {
    const alone = [...others, ...sharing.filter((line) => line.length === 1).flat()]
    const shared = sharing.filter((line) => line.length > 1)
    const batch = [...alone, ...shared.flat()]
    const asked = [
      ...alone.map(({ request }) => request),
      ...shared.flat().map(({ request }) => ({ ...request, afterSeq: null })),
    ]
    const pages = shared.flatMap(([first]) =>
      first === undefined ? [] : [{ ...first.request, userId: null }],
    )
    try {
      const reads = await readRooms(this.#db, [...asked, ...pages])
      const pageReads = reads.slice(asked.length)
      const pageOf = new Map(
        shared.flatMap((line, index) => line.map((it) => [it, pageReads[index]] as const)),
      )
      for (const [index, waiting] of batch.entries()) settleWith(waiting, reads[index], pageOf.get(waiting))
    } catch (error) {
      for (const { settle } of batch) settle.reject(error)
    }
  }
}

/** Rows are for members, and for the room itself. */
function settleWith(
  { request, settle }: Waiting,
  read: FullRead | undefined,
  page: FullRead | undefined,
): void {
  if (read === undefined) settle.reject(new RangeError('a room was read without an answer'))
  else if (page === undefined || (request.userId !== null && !read.isMember)) settle.resolve(read)
  else settle.resolve({ ...read, rows: page.rows, hasMore: page.hasMore })
}
