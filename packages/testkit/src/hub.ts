import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { DEPENDENCY_KINDS, type DependencyKind, type Found } from './kinds.ts'
import { findOnLadder, type RunningServer, type ServerSettings } from './ladder.ts'
import { type SuiteRecord, summarise } from './summary.ts'

/**
 * Owner of a test run's servers. Test files run in workers of their own, so they ask here over HTTP. A server starts
 * when it is first asked for: a run that needs only PostgreSQL does not wait for Kafka.
 */
export type Hub = {
  readonly url: string
  /** The summary of the run so far, see `summarise`. */
  readonly summary: () => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

export async function startHub(settings: ServerSettings, required: readonly string[]): Promise<Hub> {
  const servers = new Map<DependencyKind, Promise<RunningServer>>()
  const suites: SuiteRecord[] = []

  const find = (kind: DependencyKind) => {
    const server = servers.get(kind) ?? findOnLadder(kind, settings)
    servers.set(kind, server)
    return server
  }

  const answer = async (request: IncomingMessage): Promise<unknown> => {
    if (request.url === '/required') return required
    if (request.url === '/suites') return suites.push((await json(request)) as SuiteRecord)
    const kind = DEPENDENCY_KINDS.find((known) => request.url === `/servers/${known}`)
    if (kind === undefined) throw new Error(`the hub knows no ${request.url}`)
    return (await find(kind)).found
  }

  const http = createServer(async (request, response) => {
    try {
      response.end(JSON.stringify(await answer(request)))
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')

  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    summary: async () => {
      const found = new Map<DependencyKind, Found>()
      for (const [kind, server] of servers) found.set(kind, (await server).found)
      return summarise(suites, found)
    },
    stop: async () => {
      http.close()
      http.closeAllConnections()
      await Promise.all([...servers.values()].map(async (server) => (await server).stop()))
    },
  }
}
