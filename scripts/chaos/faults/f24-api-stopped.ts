import { request as httpRequest } from 'node:http'
import { PASSWORD } from '@roomlog/testkit/canaries'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'

const EXIT_MS = 10_000
const STOPS = 5
const CALLERS = 24
const BEFORE_MS = 1_000
/** Connected for less, a request may still stand in line, which no server can answer once it is told to stop. */
const IN_LINE_MS = 100
const BETWEEN_MS = 3_000

export const apiStopped: Fault = {
  id: 'F24',
  title: 'SIGTERM api under load',
  engines: BOTH,
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { stack } = nemesis
    for (let i = 0; i < nemesis.times(STOPS, 1); i += 1) {
      await nemesis.act('api', 'SIGTERM', async () => {
        const load = startCalls(nemesis)
        await nemesis.sleep(BEFORE_MS)
        const signalledAtMs = performance.now()
        const { ms, how } = await stack.stop('api')
        judge(nemesis, await load(), signalledAtMs)
        nemesis.bound('exit of the api, ms', ms, EXIT_MS)
        nemesis.must(`the api ends with exit code 0 (${how})`, how.startsWith('exit code 0'))
        stack.start('api')
        await nemesis.until('the api is ready', () => stack.isReady('api'), 30_000)
      })
      await nemesis.sleep(BETWEEN_MS)
    }
  },
}

interface Outcome {
  /** When all of the request had been handed to the system; undefined: never connected. */
  readonly sentAtMs: number | undefined
  readonly endedAtMs: number
  /** Undefined: no whole answer. */
  readonly status: number | undefined
  readonly error: string | undefined
}

function judge(nemesis: Nemesis, outcomes: readonly Outcome[], signalledAtMs: number): void {
  const isTaken = ({ sentAtMs }: Outcome) => sentAtMs !== undefined && sentAtMs < signalledAtMs - IN_LINE_MS
  const inFlight = outcomes.filter((it) => isTaken(it) && it.endedAtMs > signalledAtMs)
  nemesis.must(`requests are in flight (${inFlight.length})`, inFlight.length > 0)
  const cut = inFlight.filter(({ status }) => status === undefined)
  nemesis.bound(`of ${inFlight.length} requests in flight were cut`, cut.length, 0)
  const failed = inFlight.filter(({ status }) => status !== undefined && status >= 500)
  nemesis.bound(`of ${inFlight.length} requests in flight failed`, failed.length, 0)
  // Later ones may find nobody; and whoever still stood in line when it stopped listening is reset, one of each caller's.
  const later = outcomes.filter((it) => !isTaken(it) && it.endedAtMs > signalledAtMs)
  const lost = later.filter(({ status, error }) => status === undefined && error !== 'ECONNREFUSED')
  nemesis.bound(`of ${later.length} requests after it were reset`, lost.length, CALLERS)
}

/** Each caller asks again and again on new connections; the function ends that and gives what came of each request. */
function startCalls(nemesis: Nemesis): () => Promise<readonly Outcome[]> {
  const { stack, crowd, random } = nemesis
  const outcomes: Outcome[] = []
  let isOver = false
  const caller = async (index: number) => {
    const client = random.pick(crowd.clients)
    const password = { username: client.username, password: PASSWORD }
    while (!isOver) {
      // A login takes its time: some are always under way.
      const outcome =
        index % 3 === 0
          ? await ask(`${stack.apiUrl}/auth/login`, client.token, password)
          : await ask(`${stack.apiUrl}/rooms`, client.token)
      outcomes.push(outcome)
      if (outcome.error === 'ECONNREFUSED') await nemesis.sleep(20)
    }
  }
  const callers = Array.from({ length: CALLERS }, (_, i) => caller(i))
  return async () => {
    isOver = true
    await Promise.all(callers)
    return outcomes
  }
}

function ask(url: string, token: string, body?: object): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  let sentAtMs: number | undefined
  const end = (status?: number, error?: string) =>
    resolve({ sentAtMs, endedAtMs: performance.now(), status, error })
  const failed = (error: NodeJS.ErrnoException) => end(undefined, error.code ?? error.message)
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body ? { 'content-type': 'application/json' } : {}),
  }
  const request = httpRequest(url, { agent: false, method: body ? 'POST' : 'GET', headers }, (response) => {
    response.on('error', failed)
    response.on('end', () => end(response.statusCode)).resume()
  })
  request.on('error', failed)
  request.on('socket', (socket) =>
    socket.on('connect', () => {
      sentAtMs = performance.now()
    }),
  )
  request.end(body === undefined ? undefined : JSON.stringify(body))
  return promise
}
