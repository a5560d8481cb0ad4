import { connect } from '@roomlog/db'
import { connectEventLog, type EventLog } from '@roomlog/event-log'
import { type FaultProxy, faultProxy } from '@roomlog/testkit'
import { kafkaRelay } from '@roomlog/testkit/proof'
import { silent, type World } from './support.ts'

export interface ProxiedLog {
  readonly openLog: (signal: AbortSignal) => Promise<EventLog>
  readonly proxies: readonly FaultProxy[]
}

/** The world's log for an edge, behind proxies of its own: on the embedded engine the database answers without them. */
export async function proxiedLog(world: World, resources: AsyncDisposableStack): Promise<ProxiedLog> {
  const { settings, proxies } = await proxied(world, resources)
  const open = { ...settings, clientId: 'edge-test', sessionTimeoutMs: 6000 }
  return { openLog: (signal) => connectEventLog({ ...open, signal }, silent), proxies }
}

async function proxied({ config: { database, eventLog } }: World, resources: AsyncDisposableStack) {
  if (eventLog.kafka !== undefined) {
    const relay = resources.use(await kafkaRelay(eventLog.kafka.brokers))
    return { settings: { ...eventLog, kafka: { brokers: relay.brokers } }, proxies: relay.proxies }
  }
  const proxy = resources.use(await faultProxy(database.url))
  const own = connect({ ...database, url: proxy.url, applicationName: 'edge-test' })
  resources.defer(() => own.close())
  return { settings: { ...eventLog, database: own }, proxies: [proxy] }
}
