import { join } from 'node:path'
import { connect, type Database } from '@roomlog/db'
import { connectEventLog, type EventLog } from '@roomlog/event-log'
import { PARTITIONS_DEFAULT } from '@roomlog/events'
import { freePort, kafka, keepFolder, prometheus, redis, type TestPrometheus } from '@roomlog/testkit'
import { controlledProcess, type KafkaRelay, kafkaRelay } from '@roomlog/testkit/proof'
import { pino } from 'pino'
import { operatorEnvironment } from '../chaos/audit.ts'
import { ROOT, Stack } from '../chaos/stack.ts'
import type { Terminal } from '../start/terminal.ts'
import { scaledConfig, scaledRules, shipped } from './alert-rules.ts'
import { type OldRecords, recordsInKafka, recordsInPostgres } from './old-records.ts'
import type { EngineName } from './operator-world.ts'

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
  /** Past the relay. */
  readonly eventLog: EventLog
  readonly oldRecords: OldRecords
  /** The services' way to Kafka; undefined on the embedded engine. */
  readonly relay: KafkaRelay | undefined
  /** It does not run from then on. */
  stopAuditor(): Promise<void>
  query(expr: string): Promise<readonly Sample[]>
  /** Names of the alerts that fire now. */
  firing(): Promise<readonly string[]>
}

export async function monitoredRoomlog(engine: EngineName): Promise<MonitoredRoomlog> {
  await using resources = new AsyncDisposableStack()
  const { env, direct, relay } = engine === 'full' ? await sharedServers(resources) : EMBEDDED
  const options = { engine, edges: 2, persisters: 1, brokers: 1, proxied: false } as const
  const stack = resources.use(await Stack.prepare({ ...options, env: { ...UNLIMITED, ...env } }, UNSEEN))
  resources.defer(() => keepFolder(stack.logFolder))
  await stack.startAll()
  const { url } = stack.servers.postgres
  const database = connect({ url, applicationName: 'alerts-test', statementTimeoutMs: 0 })
  resources.defer(() => database.close())
  const namespace = env.NAMESPACE ?? ''
  const eventLog = await connectEventLog(
    {
      ...{ engine, namespace, partitions: PARTITIONS_DEFAULT, database },
      ...{ clientId: 'alerts-test', sessionTimeoutMs: 10_000 },
      ...(engine === 'full' ? { kafka: { brokers: direct } } : {}),
    },
    pino({ level: 'silent' }),
  )
  resources.defer(() => eventLog.close())
  const auditor = resources.use(
    await watchingAuditor(stack, { ...env, ...(engine === 'full' ? { KAFKA_BROKERS: direct.join() } : {}) }),
  )
  const addresses = (names: readonly string[]) => names.map((name) => `127.0.0.1:${stack.specOf(name).port}`)
  const server = resources.use(
    await prometheus({
      'prometheus.yml': scaledConfig({
        api: addresses(['api']),
        'ws-edge': addresses(stack.edges),
        persister: addresses(stack.persisters),
        auditor: [auditor.address],
      }),
      'alerts.yml': scaledRules(),
      ...Object.fromEntries(
        ['prometheus.yml', 'alerts.yml', 'alerts.test.yml'].map((file) => [`shipped/${file}`, shipped(file)]),
      ),
    }),
  )
  const query = (expr: string) => ask(server.url, expr)
  const oldRecords =
    engine === 'full' ? await recordsInKafka(direct, namespace) : recordsInPostgres(eventLog, database)
  resources.use(oldRecords)
  const everything = resources.move()
  return {
    ...{ stack, prometheus: server, database, eventLog, oldRecords, relay, query },
    stopAuditor: auditor.stop,
    firing: async () =>
      (await query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric.alertname ?? ''),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

type Env = Readonly<Record<string, string>>
interface Shared {
  readonly env: Env
  /** Kafka itself. */
  readonly direct: readonly string[]
  readonly relay: KafkaRelay | undefined
}

const EMBEDDED: Shared = { env: {}, direct: [], relay: undefined }

/** The run's Kafka, behind a relay that can fail, and its Redis. */
async function sharedServers(resources: AsyncDisposableStack): Promise<Shared> {
  const broker = resources.use(await kafka())
  const { url } = resources.use(await redis(broker.namespace))
  const relay = resources.use(await kafkaRelay(broker.brokers))
  const env = { NAMESPACE: broker.namespace, KAFKA_BROKERS: relay.brokers.join(), REDIS_URL: url }
  return { env, direct: broker.brokers, relay }
}

/** The shipped one, which looks each second at what is older than a few. */
async function watchingAuditor(stack: Stack, env: Env) {
  const port = String(await freePort())
  const auditor = controlledProcess({
    ...{ name: 'the auditor', command: process.execPath, log: join(stack.logFolder, 'auditor.log') },
    args: [join(ROOT, 'scripts/audit.ts'), '--watch', '1', '--older-than', '5', '--listen', port],
    env: { PATH: process.env.PATH ?? '', ...operatorEnvironment(stack), ...env },
  })
  await auditor.start()
  return {
    address: `127.0.0.1:${port}`,
    stop: () => auditor.stop(),
    [Symbol.asyncDispose]: () => auditor[Symbol.asyncDispose](),
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
