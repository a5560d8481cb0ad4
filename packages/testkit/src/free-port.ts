import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the ports that systems give to outgoing connections: while a server is down a client that tries again and again
// may be given that very port as its own, connect to itself, and so keep the server off it. And above 10080, to which
// `fetch` does not connect, as to all ports of its standard's list of bad ones.
const FIRST_PORT = 10_081
const LAST_PORT = 19_999
const ATTEMPTS = 100

const given = new Set<number>()

/**
 * A TCP port of 127.0.0.1 nobody listens on now, and never the same twice in a process. Another process may take it first:
 * prefer port 0 where the server can.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`no port of ${FIRST_PORT} to ${LAST_PORT} on 127.0.0.1 is free`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}
