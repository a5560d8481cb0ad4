import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of a server, that fails on demand. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  /** Ends all connections and every new one at once, as a server that is down. */
  cut(): void
  /** Lets nothing through any more but keeps the connections, as a machine that hangs. */
  freeze(): void
  /** What clients send still arrives, the server's answers are lost: a one-way black hole. */
  mute(): void
  /** Loses today's connections without a word to either end, as a firewall that forgot them; new ones work. */
  forget(): void
  /** Lets everything through again; what was lost stays lost. */
  heal(): void
}

export async function faultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  const forgotten = new Set<readonly [Socket, Socket]>()
  let state: 'open' | 'cut' | 'frozen' | 'muted' = 'open'

  const server = createServer((socket) => {
    if (state === 'cut') {
      socket.destroy()
      return
    }
    const upstream = connect(Number(port), hostname)
    const pair = [socket, upstream] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [upstream, socket] as const]) {
      from.on('error', () => undefined)
      from.on('close', () => {
        if (forgotten.has(pair)) return
        to.destroy()
        pairs.delete(pair)
      })
    }
    if (state === 'open') join(pair)
    if (state === 'muted') socket.pipe(upstream).resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const dropAll = () => {
    for (const [socket] of pairs) socket.destroy()
  }
  const part = ([socket, upstream]: readonly [Socket, Socket]) => {
    socket.unpipe()
    upstream.unpipe()
  }
  return {
    url: url.href,
    cut: () => {
      state = 'cut'
      dropAll()
    },
    freeze: () => {
      state = 'frozen'
      for (const pair of pairs) part(pair)
    },
    forget: () => {
      for (const pair of pairs) {
        part(pair)
        forgotten.add(pair)
      }
      pairs.clear()
    },
    mute: () => {
      state = 'muted'
      for (const [socket, upstream] of pairs) upstream.unpipe(socket).resume()
    },
    heal: () => {
      if (state === 'frozen') for (const pair of pairs) join(pair)
      if (state === 'muted') for (const [socket, upstream] of pairs) upstream.pipe(socket)
      state = 'open'
    },
    [Symbol.asyncDispose]: async () => {
      dropAll()
      for (const socket of [...forgotten].flat()) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function join([socket, upstream]: readonly [Socket, Socket]): void {
  socket.pipe(upstream)
  upstream.pipe(socket)
}
