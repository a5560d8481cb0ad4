import type { Database, DedicatedClient } from './connect.ts'

export interface ListenOptions {
  readonly channels: readonly string[]
  readonly onNotification: (channel: string, payload: string) => void
  /** Called after each (re)connect: what was notified meanwhile is lost, so look for yourself. */
  readonly onConnected: () => void
  readonly onError: (error: Error) => void
}

const RETRY_MS = 500
/** A connection that was lost without a word stays silent for ever: only asking tells. */
const ASK_EVERY_MS = 5000

/** Listens on a connection of its own, and comes back after the server was away. Returns the way to stop. */
export function listen(database: Database, options: ListenOptions): () => Promise<void> {
  let current: DedicatedClient | undefined
  let stopped = false
  let retry: NodeJS.Timeout | undefined
  let asking: NodeJS.Timeout | undefined

  const again = (error: Error) => {
    if (stopped) return
    options.onError(error)
    retry = setTimeout(start, RETRY_MS)
  }
  const open = async () => {
    const client = await database.dedicated()
    if (stopped) return client.release(true)
    current = client
    const lost = (error: Error) => {
      // One loss is told twice, by the connection and by the statement under way: a second way back would take a
      // connection that nobody gives back, and the pool's end waits for those.
      if (current !== client) return
      current = undefined
      clearInterval(asking)
      client.release(true)
      again(error)
    }
    client.on('error', lost)
    client.on('notification', (n) => options.onNotification(n.channel, n.payload ?? ''))
    try {
      for (const channel of options.channels) await client.query(`LISTEN ${quoted(channel)}`)
      if (current !== client) return
      asking = setInterval(() => client.query('SELECT 1').catch(lost), ASK_EVERY_MS)
      options.onConnected()
    } catch (error) {
      lost(error as Error)
    }
  }
  const start = () => {
    open().catch(again)
  }
  start()

  return async () => {
    stopped = true
    clearTimeout(retry)
    clearInterval(asking)
    current?.release(true)
    current = undefined
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
