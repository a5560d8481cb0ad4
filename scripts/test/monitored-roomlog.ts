import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, type Database } from '@roomlog/db'
import { connectEventLog, type EventLog } from '@roomlog/event-log'
import { PARTITIONS_DEFAULT } from '@roomlog/events'
import { prometheus, type TestPrometheus } from '@roomlog/testkit'
import { pino } from 'pino'
import { Stack } from '../chaos/stack.ts'
import type { Terminal } from '../start/terminal.ts'
import { scaledConfig, scaledRules, shipped } from './alert-rules.ts'

const UNSEEN: Terminal = { step: (_title, work) => work, line: () => undefined }
/** One person is a crowd here. */
const UNLIMITED = { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '10000', ROOM_MESSAGES_PER_SECOND: '10000' }

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

/** A Roomlog of which everything can be broken, and a Prometheus that looks at it each second. */
export interface MonitoredRoomlog extends AsyncDisposable {
  readonly stack: Stack
  readonly prometheus: TestPrometheus
  /** Past the services' roles. */
  readonly database: Database
  readonly eventLog: EventLog
  /** What a node_exporter has collected of the auditor. */
  collect(text: string): void
  query(expr: string): Promise<readonly Sample[]>
  /** Names of the alerts that fire now. */
  firing(): Promise<readonly string[]>
}

export async function monitoredRoomlog(): Promise<MonitoredRoomlog> {
  await using resources = new AsyncDisposableStack()
  const options = { engine: 'embedded', edges: 2, persisters: 1, brokers: 1, proxied: false } as const
  const stack = resources.use(await Stack.prepare({ ...options, env: UNLIMITED }, UNSEEN))
  await stack.startAll()
  const { url } = stack.servers.postgres
  const database = connect({ url, applicationName: 'alerts-test', statementTimeoutMs: 0 })
  resources.defer(() => database.close())
  const eventLog = await connectEventLog(
    {
      ...{ engine: 'embedded', namespace: '', partitions: PARTITIONS_DEFAULT, database },
      ...{ clientId: 'alerts-test', sessionTimeoutMs: 10_000 },
    },
    pino({ level: 'silent' }),
  )
  resources.defer(() => eventLog.close())
  const node = resources.use(await textfileCollector())
  const addresses = (names: readonly string[]) => names.map((name) => `127.0.0.1:${stack.specOf(name).port}`)
  const server = resources.use(
    await prometheus({
      'prometheus.yml': scaledConfig({
        api: addresses(['api']),
        'ws-edge': addresses(stack.edges),
        persister: addresses(stack.persisters),
        node: [node.address],
      }),
      'alerts.yml': scaledRules(),
      ...Object.fromEntries(
        ['prometheus.yml', 'alerts.yml', 'alerts.test.yml'].map((file) => [`shipped/${file}`, shipped(file)]),
      ),
    }),
  )
  const query = (expr: string) => ask(server.url, expr)
  const everything = resources.move()
  return {
    ...{ stack, prometheus: server, database, eventLog, query },
    collect: node.collect,
    firing: async () =>
      (await query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric.alertname ?? ''),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

async function ask(url: string, expr: string): Promise<readonly Sample[]> {
  const answer = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query: expr }),
  })
  const { data, error } = (await answer.json()) as {
    readonly data?: { readonly result: readonly { metric: Sample['metric']; value: [number, string] }[] }
    readonly error?: string
  }
  if (data === undefined) throw new Error(`${expr}: ${error}`)
  return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
}

/** Serves the text that it was given last, as a node_exporter does the files of its folder. */
async function textfileCollector() {
  let latest = ''
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(latest)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    collect: (text: string) => {
      latest = text
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
