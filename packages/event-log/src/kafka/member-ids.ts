import { patchOnce } from './patch.ts'

interface ConsumerGroup {
  readonly cluster: object
  /** null before it has joined and after it has left. */
  memberId: string | null
  joinAndSync(): Promise<void>
}

/** Of each consumer the latest; its cluster is the one object that outlives its restarts. */
const latest = new WeakMap<object, ConsumerGroup>()

/**
 * Lets consumers keep their member id when kafkajs restarts them, as it does whenever their brokers are away for
 * moments. It would join again as a new member, and since it could not take leave of a broker that is away, the group
 * waits a whole session time-out for the old one: while brokers restart more often than that, nobody consumes anything.
 * A group that no longer knows the id says so, and kafkajs then asks for a new one.
 */
export const keepMemberIds = patchOnce<ConsumerGroup>('consumer/consumerGroup', (prototype) => {
  const join = prototype.joinAndSync
  prototype.joinAndSync = function joinAsBefore() {
    const previous = latest.get(this.cluster)
    if (previous !== this) this.memberId ??= previous?.memberId ?? null
    latest.set(this.cluster, this)
    return join.call(this)
  }
})
