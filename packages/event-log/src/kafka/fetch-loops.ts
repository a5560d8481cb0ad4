import { createRequire } from 'node:module'

interface Runner {
  readonly running: boolean
  fetch(nodeId: number): Promise<unknown>
}

let ended = false

/**
 * Ends the loops that fetch once their consumer is stopped. kafkajs makes them anew when the brokers have changed; one that
 * was stopped at that moment would be answered nothing at once, again and again, and its process never got to anything else.
 */
export function endFetchLoops(): void {
  if (ended) return
  ended = true
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/consumer/runner') as { prototype: Runner }
  const { fetch } = prototype
  prototype.fetch = async function fetchWhileRunning(nodeId) {
    if (!this.running) throw new Error('the consumer stops')
    return fetch.call(this, nodeId)
  }
}
