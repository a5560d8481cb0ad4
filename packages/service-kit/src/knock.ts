import { once } from 'node:events'
import { request, type Server } from 'node:http'

const PATIENCE_MS = 2_000
/** Nobody connects to these, they stand for all addresses. */
const LOCAL: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * Resolves when whoever had connected to the server before this call has been heard, or after 2 s. New connections are
 * taken in their order, one in each turn of the event loop, and a server that closes resets those that still wait: on a
 * busy machine, requests sent hundreds of milliseconds ago. So one of its own is put at the end of that line.
 */
export async function heardEverybody(server: Server): Promise<void> {
  const address = server.address()
  if (address === null || typeof address === 'string') return
  const host = LOCAL[address.address] ?? address.address
  const knock = request({ host, port: address.port, method: 'HEAD', agent: false })
  knock.setTimeout(PATIENCE_MS, () => knock.destroy())
  try {
    const answered = once(knock, 'response')
    knock.end()
    const [response] = await answered
    response.resume()
  } catch {
    // It could not be heard itself: nothing is known of the others, and nothing is gained by waiting.
  }
}
