import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Connection, type Course, connection, type Thief } from './connection.ts'
import { FULL_PACE } from './lane.ts'
import { CHUNKS, type WireProtocol } from './wire.ts'

export interface FaultProxyOptions {
  /** How requests and replies are told apart; default: what comes together is one, and the next one back its reply. */
  readonly protocol?: WireProtocol
  /** Told each request before it is passed on. */
  readonly onRequest?: (request: Buffer) => void
  /** Each reply is passed on as this gives it back. */
  readonly changeReply?: (reply: Buffer) => Buffer
}

/** A TCP proxy in front of a server, that fails on demand. The last of cut, freeze, mute and deafen is in force. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  /** How many clients are connected. */
  readonly connections: number
  /** Ends all connections, and resets every new one at once, as a server that is down. */
  cut(): void
  /** Lets nothing through any more but keeps the connections, as a machine that hangs. */
  freeze(): void
  /** What clients send still arrives, the server's answers are lost: a one-way black hole. */
  mute(): void
  /** What clients send is lost, what the server sends still arrives: the black hole the other way. */
  deafen(): void
  /** Everything arrives so much later, in each direction. */
  delay(ms: number): void
  /** Each connection carries no more than this, in each direction. */
  limit(bytesPerSecond: number): void
  /** Today's connections end with an RST to both ends; new ones work. */
  reset(): void
  /**
   * Each of the next `connections` (default 1) is reset when so many bytes, at least 1, have passed in both directions
   * together; a function gives each its own number.
   */
  resetAfter(bytes: number | (() => number), connections?: number): void
  /**
   * The next request that matches (default: any) reaches the server, but its reply is lost and with it the connection.
   * Resolves when that has happened; with false when `heal` or disposal came before. Called again, it loses one more.
   */
  loseNextReply(matches?: (request: Buffer) => boolean): Promise<boolean>
  /** Loses today's connections without a word to either end, as a firewall that forgot them; new ones work. */
  forget(): void
  /** Lets everything through again, and takes back what was to come; what was lost stays lost. */
  heal(): void
}

const OPEN: Course = { up: 'open', down: 'open', pace: FULL_PACE }

export async function faultProxy(target: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const { hostname: host, port } = new URL(target)
  const { protocol = CHUNKS, onRequest = () => undefined, changeReply = (reply: Buffer) => reply } = options
  const present = new Set<Connection>()
  const forgotten = new Set<Connection>()
  const thieves: Thief[] = []
  let isCut = false
  let course = OPEN
  let resets = { count: 0, bytes: () => Number.POSITIVE_INFINITY }

  const server = createServer((client) => {
    if (isCut) {
      client.on('error', () => undefined)
      // As near to a refusal as whoever listens can come; kafkajs, say, tries another broker after an RST but not a FIN.
      client.resetAndDestroy()
      return
    }
    const resetAfterBytes = resets.count-- > 0 ? resets.bytes() : Number.POSITIVE_INFINITY
    const made = connection(client, {
      ...{ host, port: Number(port), protocol, onRequest, changeReply, resetAfterBytes, thieves },
      onClose: () => {
        present.delete(made)
        forgotten.delete(made)
      },
    })
    present.add(made)
    made.follow(course)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const follow = (changes: Partial<Course>) => {
    course = { ...course, ...changes }
    for (const each of present) each.follow(course)
  }
  const take = (changes: Partial<Course>) => {
    isCut = false
    follow(changes)
  }
  const dropAll = () => {
    for (const each of present) each.end()
  }
  const disarm = () => {
    resets = { count: 0, bytes: () => Number.POSITIVE_INFINITY }
    for (const each of present) each.spare()
    for (const { done } of thieves.splice(0)) done(false)
  }
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    get connections() {
      return present.size
    },
    cut: () => {
      isCut = true
      dropAll()
    },
    freeze: () => take({ up: 'held', down: 'held' }),
    mute: () => take({ up: 'open', down: 'lossy' }),
    deafen: () => take({ up: 'lossy', down: 'open' }),
    delay: (delayMs) => follow({ pace: { ...course.pace, delayMs } }),
    limit: (bytesPerSecond) => follow({ pace: { ...course.pace, bytesPerSecond } }),
    reset: () => {
      for (const each of present) each.reset()
    },
    resetAfter: (bytes, count = 1) => {
      resets = { count, bytes: typeof bytes === 'number' ? () => bytes : bytes }
    },
    loseNextReply: (matches = () => true) => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      thieves.push({ matches, done: resolve })
      return promise
    },
    forget: () => {
      for (const each of present) {
        each.forget()
        forgotten.add(each)
      }
      present.clear()
    },
    heal: () => {
      disarm()
      take(OPEN)
    },
    [Symbol.asyncDispose]: async () => {
      disarm()
      dropAll()
      for (const each of forgotten) each.end()
      server.close()
      await once(server, 'close')
    },
  }
}
