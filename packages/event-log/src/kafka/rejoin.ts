import { patchOnce } from './patch.ts'

interface ConsumerGroup {
  joinAndSync(): Promise<void>
  fetch(nodeId: number): Promise<unknown>
}

/** Those whose last joining has not succeeded. */
const outside = new WeakSet<ConsumerGroup>()

/**
 * A re-joining that failed is done again before anything is fetched. kafkajs goes on with what was assigned before: of
 * partitions that came over nobody reads anything, and a member whose id is not known any more sends no heartbeats; neither
 * ever ends, and health tells of no assignment meanwhile.
 */
export const joinAgain = patchOnce<ConsumerGroup>('consumer/consumerGroup', (prototype) => {
  const { joinAndSync, fetch } = prototype
  prototype.joinAndSync = async function joinOrStayOutside() {
    outside.add(this)
    await joinAndSync.call(this)
    outside.delete(this)
  }
  prototype.fetch = async function fetchAsMember(nodeId) {
    // What kafkajs answers by joining.
    if (outside.has(this))
      throw Object.assign(new Error('the last joining failed'), { type: 'REBALANCE_IN_PROGRESS' })
    return fetch.call(this, nodeId)
  }
})
