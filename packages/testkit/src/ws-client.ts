import { WebSocket } from 'ws'

const NEXT_TIMEOUT_MS = 10_000
// Spelled out, not imported: a client written by somebody else would do the same, so a change of these breaks tests.
const SUBPROTOCOL = 'roomlog.v1'
const TOKEN_PREFIX = 'bearer.'

/** A decoded server frame; what else it holds depends on `type`. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>

export type Closed = { readonly code: number; readonly reason: string }

export type TestClientOptions = {
  /** Without it the handshake offers no token. */
  readonly token?: string
  readonly origin?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type TestClient = {
  readonly socket: WebSocket
  /** Every frame so far, in the order received. */
  readonly frames: readonly Frame[]
  /** Settles when the socket is gone; `code` 1006 when it went without a close frame. */
  readonly closed: Promise<Closed>
  /** Sends `frame` as JSON, a string as it is. */
  readonly send: (frame: object | string) => void
  /**
   * The first frame `wanted` accepts that no earlier `next` has taken, received already or yet to come. Rejects after
   * `timeoutMs` (10 s) or when the socket closes first, saying what was received instead.
   */
  readonly next: (wanted: string | ((frame: Frame) => boolean), timeoutMs?: number) => Promise<Frame>
  /** Closes in order and waits for the answer. */
  readonly close: (code?: number, reason?: string) => Promise<Closed>
  /** Drops the connection without a word, as a lost network would. */
  readonly terminate: () => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A handshake the server answered with HTTP instead of a socket. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused'
  readonly code = 'handshake_refused'
  readonly status: number
  constructor(status: number) {
    super(`the server answered the upgrade with ${status}`)
    this.status = status
  }
}

type Waiter = { readonly accepts: (frame: Frame) => boolean; readonly take: (frame: Frame) => void }

/**
 * A WebSocket connection to an edge, as a browser makes it: the token travels as a second subprotocol.
 * Resolves when the socket is open; rejects with `HandshakeRefused` when the server refuses the upgrade.
 */
export async function testClient(url: string, options: TestClientOptions = {}): Promise<TestClient> {
  const protocols = [SUBPROTOCOL, ...(options.token === undefined ? [] : [TOKEN_PREFIX + options.token])]
  const socket = new WebSocket(url, protocols, {
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  })
  // Listeners before the first await: a server may speak in the same packet as its handshake.
  const client = listen(socket)
  await opened(socket)
  return client
}

function opened(socket: WebSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('open', resolve)
  socket.once('unexpected-response', (request, response) => {
    reject(new HandshakeRefused(response.statusCode ?? 0))
    request.destroy()
  })
  socket.on('error', reject)
  return promise
}

function listen(socket: WebSocket): TestClient {
  const frames: Frame[] = []
  const unclaimed: Frame[] = []
  const waiters = new Set<Waiter>()
  const { promise: closed, resolve: settleClosed } = Promise.withResolvers<Closed>()

  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as Frame
    frames.push(frame)
    for (const waiter of waiters) if (waiter.accepts(frame)) return waiter.take(frame)
    unclaimed.push(frame)
  })
  socket.on('close', (code, reason) => settleClosed({ code, reason: String(reason) }))

  const next: TestClient['next'] = (wanted, timeoutMs = NEXT_TIMEOUT_MS) => {
    const accepts = typeof wanted === 'string' ? (frame: Frame) => frame.type === wanted : wanted
    const position = unclaimed.findIndex(accepts)
    const [received] = position < 0 ? [] : unclaimed.splice(position, 1)
    if (received) return Promise.resolve(received)

    const { promise, resolve, reject } = Promise.withResolvers<Frame>()
    const waiter: Waiter = {
      accepts,
      take: (frame) => {
        // At once: the next frame may come in the same tick, and is not for this waiter.
        waiters.delete(waiter)
        resolve(frame)
      },
    }
    const fail = (why: string) =>
      reject(new Error(`${why} before the awaited frame; received: ${JSON.stringify(frames)}`))
    const timer = setTimeout(fail, timeoutMs, `${timeoutMs} ms passed`)
    void closed.then(({ code, reason }) => fail(`closed with ${code} ${reason}`))
    waiters.add(waiter)
    return promise.finally(() => {
      clearTimeout(timer)
      waiters.delete(waiter)
    })
  }

  const close: TestClient['close'] = (code = 1000, reason = '') => {
    socket.close(code, reason)
    return closed
  }

  return {
    socket,
    frames,
    closed,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    next,
    close,
    terminate: () => socket.terminate(),
    [Symbol.asyncDispose]: async () => {
      socket.terminate()
      await closed
    },
  }
}
