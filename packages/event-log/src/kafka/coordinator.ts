import { patchOnce } from './patch.ts'

interface Broker {
  readonly nodeId: number
}

interface ConsumerGroup {
  readonly groupId: string
  readonly cluster: {
    findGroupCoordinatorMetadata(of: { groupId: string }): Promise<{ coordinator: Broker }>
    findBroker(of: Broker): Promise<Broker>
  }
  coordinator: Broker
  /** null before the first join. */
  readonly offsetManager: { coordinator: Broker } | null
  heartbeat(options: { interval: number }): Promise<void>
}

const LOST = new Set(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError'])
const looking = new WeakSet<ConsumerGroup>()

/**
 * Lets consumers find the broker that has taken over their group when the one that kept it cannot be reached. kafkajs
 * asks for it only when a consumer starts anew, which ours, whose retries are endless, do not: they would try the dead
 * broker until it is back. Members and their generation move with the group, so nobody has to join again.
 */
export const followCoordinators = patchOnce<ConsumerGroup>('consumer/consumerGroup', (prototype) => {
  const beat = prototype.heartbeat
  prototype.heartbeat = async function beatOrFollow(options) {
    try {
      await beat.call(this, options)
    } catch (error) {
      // Not awaited: while no broker knows, whoever beats is told at once, as ever.
      if (error instanceof Error && LOST.has(error.name)) void follow(this)
      throw error
    }
  }
})

async function follow(group: ConsumerGroup): Promise<void> {
  if (looking.has(group)) return
  looking.add(group)
  const { groupId, cluster } = group
  try {
    const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId })
    if (coordinator.nodeId === group.coordinator.nodeId) return
    const broker = await cluster.findBroker(coordinator)
    group.coordinator = broker
    if (group.offsetManager !== null) group.offsetManager.coordinator = broker
  } catch {
    // Nobody has taken over yet: the next heartbeat fails, too, and looks again.
  } finally {
    looking.delete(group)
  }
}

interface Cluster {
  findBroker(of: object): Promise<unknown>
  findGroupCoordinator(of: object): Promise<unknown>
}

const PASSING = new Set(['KafkaJSGroupCoordinatorNotFound', 'KafkaJSLockTimeout'])

/**
 * That no coordinator was found, or nobody got to look for one, passes; kafkajs takes both for final: one request that a
 * broker leaves unanswered would end a consumer, whatever number of retries it has.
 */
export const keepLooking = patchOnce<Cluster>('cluster', (prototype) => {
  for (const name of ['findBroker', 'findGroupCoordinator'] as const) {
    const find = prototype[name]
    prototype[name] = async function findOrTryAgain(of) {
      try {
        return await find.call(this, of)
      } catch (error) {
        if (error instanceof Error && PASSING.has(error.name)) Object.assign(error, { retriable: true })
        throw error
      }
    }
  }
})
