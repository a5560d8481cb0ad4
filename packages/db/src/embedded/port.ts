import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './errors.ts'

export const ADDRESS = '127.0.0.1'
const PORT_FILE = 'port'
const ATTEMPTS = 50

// Below the ports that systems give to outgoing connections (32768 on Linux): a client that tries again and again while
// the server restarts may be given that very port as its own, connect to itself, and so keep the server off it.
const FIRST_PORT = 20_000
const LAST_PORT = 29_999

/** The folder's port of last time when it is free, else any free one. */
export async function choosePort(folder: string): Promise<number> {
  const remembered = Number(await readFile(join(folder, PORT_FILE), 'utf8').catch(() => ''))
  if (remembered >= FIRST_PORT && remembered <= LAST_PORT && (await isFree(remembered))) return remembered
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1)
    if (await isFree(port)) return port
  }
  throw new EmbeddedPostgresError(
    'not_started',
    `No port of ${FIRST_PORT} to ${LAST_PORT} on ${ADDRESS} is free for PostgreSQL. Free some, or set DATABASE_URL to a PostgreSQL of your own.`,
  )
}

export async function rememberPort(folder: string, port: number): Promise<void> {
  await writeFile(join(folder, PORT_FILE), String(port))
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, ADDRESS)
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}
