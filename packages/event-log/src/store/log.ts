import { namespaced, TOPICS } from '@roomlog/events'
import type { Logger } from 'pino'
import { EngineLog, type EngineLogSettings, type LogEngine } from '../engine-log.ts'
import { topicProblem } from '../errors.ts'
import type { EventLog } from '../port.ts'
import type { LogStore } from './store.ts'
import { StoreSubscription } from './subscription.ts'

export interface StoreLogSettings extends EngineLogSettings {
  readonly store: LogStore
  readonly clientId: string
}

/** The port over a store with leases. Rejects when the topics are not there with so many partitions. */
export async function openStoreLog(settings: StoreLogSettings, logger: Logger): Promise<EventLog> {
  const { store, namespace, partitions } = settings
  for (const topic of Object.values(TOPICS)) {
    const name = namespaced(namespace, topic.name)
    const problem = topicProblem(name, (await store.heads(name)).size, partitions)
    if (problem !== undefined) throw problem
  }
  return new EngineLog(storeEngine(settings), settings, logger)
}

function storeEngine({ store, clientId }: StoreLogSettings): LogEngine {
  const subscriptions: StoreSubscription[] = []
  return {
    append: (topic, partition, records) => store.append(topic, partition, records),
    newSubscription: (settings) => {
      if (subscriptions.length === 0) watch(store, subscriptions)
      const subscription = new StoreSubscription({ ...settings, store, clientId })
      subscriptions.push(subscription)
      return subscription
    },
    ping: () => store.ping(),
    close: () => store.close(),
  }
}

function watch(store: LogStore, subscriptions: readonly StoreSubscription[]): void {
  store.watch({
    appended: (topic, partition) => {
      for (const it of subscriptions) if (it.member.topic === topic) it.appended(partition)
    },
    groupChanged: (group) => {
      for (const it of subscriptions) if (it.member.group === group) it.groupChanged()
    },
    missed: () => {
      for (const it of subscriptions) it.missed()
    },
  })
}
