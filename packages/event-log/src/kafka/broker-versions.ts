import { patchOnce } from './patch.ts'

interface Broker {
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/** Those that have told once what they understand. */
const met = new WeakSet<Broker>()
const TIMEOUT = 'KafkaJSRequestTimeoutError'
/** What makes kafkajs ask another broker. */
const NO_CONNECTION = 'KafkaJSConnectionError'

/**
 * A broker counts as connected when it has told its versions, not from the first packet of TCP on, and a connecting that
 * fails leaves no connection. For kafkajs a hanging broker that does not tell them in time is connected all the same:
 * everything it is asked then fails with "Broker not connected", as long as that connection lives, long after the broker
 * answers again; a consumer that asks meanwhile takes that for final; and who begins asks no other broker of its list.
 */
export const demandVersions = patchOnce<Broker>('broker', (prototype) => {
  const { connect, isConnected } = prototype
  prototype.isConnected = function isMet() {
    return met.has(this) && isConnected.call(this)
  }
  prototype.connect = async function connectOrDrop() {
    try {
      await connect.call(this)
      met.add(this)
    } catch (error) {
      await this.disconnect()
      if (error instanceof Error && error.name === TIMEOUT) error.name = NO_CONNECTION
      throw error
    }
  }
})
