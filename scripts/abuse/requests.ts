import { Agent, request } from 'node:http'
import { ADDRESSES, addressOf, type Ground, RAMP_MS } from './attack.ts'

export interface HttpCall {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: string | undefined
  /** As it is sent. */
  readonly body?: string
}

/** `width` connections from so many addresses, each of which sends the next call when the last was answered. */
export function loops(
  ground: Ground,
  { width, addresses = ADDRESSES }: { readonly width: number; readonly addresses?: number },
  callOf: (connection: number, nth: number) => HttpCall,
): void {
  for (let index = 0; index < width; index += 1) {
    const localAddress = addressOf(index % addresses)
    setTimeout(() => void loop(ground, localAddress, (nth) => callOf(index, nth)), index * RAMP_MS)
  }
}

async function loop(ground: Ground, localAddress: string, callOf: (nth: number) => HttpCall): Promise<void> {
  const { over, tally } = ground
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  over.addEventListener('abort', () => agent.destroy(), { once: true })
  tally.connected()
  for (let nth = 0; !over.aborted; nth += 1) {
    const how = await answerTo(ground, agent, localAddress, callOf(nth))
    if (!over.aborted) tally.answered(how)
  }
}

/** Resolves with the status at the answer's last byte, or with `lost`. */
function answerTo(
  { apiUrl, tally }: Ground,
  agent: Agent,
  localAddress: string,
  { method, path, token, body }: HttpCall,
): Promise<number | 'lost'> {
  const { promise, resolve } = Promise.withResolvers<number | 'lost'>()
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
  }
  const { hostname: host, port } = apiUrl
  const asked = request({ agent, host, port, method, path, headers, localAddress }, (answer) => {
    answer.on('error', () => resolve('lost'))
    answer.on('end', () => resolve(answer.statusCode ?? 0))
    answer.resume()
  })
  asked.on('error', () => resolve('lost'))
  tally.sent(path.length + (body?.length ?? 0))
  asked.end(body)
  return promise
}
