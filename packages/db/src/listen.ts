import type { Database, DedicatedClient } from './connect.ts'

export interface ListenOptions {
  readonly channels: readonly string[]
  readonly onNotification: (channel: string, payload: string) => void
  /** Called after each (re)connect: what was notified meanwhile is lost, so look for yourself. */
  readonly onConnected: () => void
  readonly onError: (error: Error) => void
}

const RETRY_MS = 500

/** Listens on a connection of its own, and comes back after the server was away. Returns the way to stop. */
export function listen(database: Database, options: ListenOptions): () => Promise<void> {
  let client: DedicatedClient | undefined
  let stopped = false
  let retry: NodeJS.Timeout | undefined

  const lost = (error: Error) => {
    client?.release(true)
    client = undefined
    if (stopped) return
    options.onError(error)
    retry = setTimeout(start, RETRY_MS)
  }
  const open = async () => {
    const opened = await database.dedicated()
    if (stopped) return opened.release(true)
    client = opened
    opened.on('error', lost)
    opened.on('notification', (n) => options.onNotification(n.channel, n.payload ?? ''))
    for (const channel of options.channels) await opened.query(`LISTEN ${quoted(channel)}`)
    options.onConnected()
  }
  const start = () => {
    open().catch((error: Error) => (client === undefined && stopped ? undefined : lost(error)))
  }
  start()

  return async () => {
    stopped = true
    clearTimeout(retry)
    client?.release(true)
    client = undefined
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
