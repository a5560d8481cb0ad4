import { patchOnce } from './patch.ts'

interface Broker {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/**
 * A connecting that fails leaves no connection. kafkajs keeps one on which a hanging broker did not tell its versions in
 * time, takes it for connected from then on, and has everything that is asked fail with "Broker not connected" for as long
 * as that connection lives, long after the broker answers again.
 */
export const dropHalfConnected = patchOnce<Broker>('broker', (prototype) => {
  const { connect } = prototype
  prototype.connect = async function connectOrDrop() {
    try {
      await connect.call(this)
    } catch (error) {
      await this.disconnect()
      throw error
    }
  }
})
