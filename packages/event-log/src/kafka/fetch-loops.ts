import { patchOnce } from './patch.ts'

interface Runner {
  readonly running: boolean
  fetch(nodeId: number): Promise<unknown>
}

/**
 * Ends the loops that fetch once their consumer is stopped. kafkajs makes them anew when the brokers have changed; one that
 * was stopped at that moment would be answered nothing at once, again and again, and its process never got to anything else.
 */
export const endFetchLoops = patchOnce<Runner>('consumer/runner', (prototype) => {
  const { fetch } = prototype
  prototype.fetch = async function fetchWhileRunning(nodeId) {
    if (!this.running) throw new Error('the consumer stops')
    return fetch.call(this, nodeId)
  }
})
