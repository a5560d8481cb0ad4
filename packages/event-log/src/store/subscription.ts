import { randomUUID } from 'node:crypto'
import { backlogOf } from '../backlog.ts'
import type { EngineSubscription, SubscriptionSettings } from '../engine-log.ts'
import { EventLogError } from '../errors.ts'
import type { SubscriptionHealth } from '../port.ts'
import { retryForEver } from '../retry.ts'
import { FetchLoop } from './fetch-loop.ts'
import { OwnedPartition, type OwnedPartitionSettings } from './owned-partition.ts'
import { LEASE_MS, type LogStore, type Member } from './store.ts'
import { Wakeup } from './wakeup.ts'

const BEAT_MS = 1000

export interface StoreSubscriptionSettings extends SubscriptionSettings {
  readonly store: LogStore
  readonly clientId: string
}

/**
 * A member of a group on a store with leases. One loop keeps the membership: it renews, gives up what is above this
 * member's share, takes what is free below it. The other fetches; each partition's batch is then handled on its own.
 */
export class StoreSubscription implements EngineSubscription {
  readonly member: Member
  readonly #settings: StoreSubscriptionSettings
  readonly #partitionSettings: OwnedPartitionSettings
  readonly #owned = new Map<number, OwnedPartition>()
  /** Handlers that run on although their partition was lost: it is not taken again before they end. */
  readonly #lingering = new Map<number, Promise<void>>()
  readonly #wakeup = new Wakeup()
  readonly #fetching: FetchLoop
  readonly #caughtUp = Promise.withResolvers<void>()
  #targets: ReadonlyMap<number, bigint> = new Map()
  #loops: Promise<unknown> = Promise.resolve()
  #leaseEnd: NodeJS.Timeout | undefined
  #heardAtMs = 0
  #committedAtMs = 0
  /** The store did not answer when it was asked last. */
  #isTroubled = false
  readonly #stopped = new AbortController()
  #leaving: Promise<void> | undefined

  constructor(settings: StoreSubscriptionSettings) {
    this.#settings = settings
    const { clientId, group, topic, options, logger } = settings
    this.member = { id: `${clientId}-${randomUUID()}`, group, topic }
    this.#partitionSettings = {
      member: this.member,
      options,
      logger,
      onMoved: async (mine) => {
        if (options.commitIntervalMs > 0) return
        await this.#commit([mine]).catch((error) => this.#trouble(error))
      },
      onFree: () => {
        this.#checkCaughtUp()
        this.#fetching.wake()
      },
    }
    this.#fetching = new FetchLoop({
      store: settings.store,
      topic,
      maxRecords: options.maxRecords,
      owned: this.#owned,
      // What the store has of this group's position holds.
      onRestored: (mine) => this.#lose(mine),
      onTrouble: (error) => this.#trouble(error),
      signal: this.#stopped.signal,
    })
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise
  }

  async start(): Promise<void> {
    const onError = (error: unknown) => this.#trouble(error)
    await retryForEver(() => this.#join(), { signal: this.#stopped.signal, onError })
    this.#loops = Promise.all([this.#beatLoop(), this.#fetching.run()])
  }

  async #join(): Promise<void> {
    const { store, topic, options } = this.#settings
    await store.makeCursors(this.member, options.from)
    this.#targets = await store.heads(topic)
    await this.#beat()
  }

  health(): SubscriptionHealth {
    const owned = [...this.#owned.values()].filter(({ isLeaving }) => !isLeaving)
    return {
      assigned: owned.length,
      connected: performance.now() - this.#heardAtMs < LEASE_MS,
      ...backlogOf(owned.map(({ progress }) => progress)),
    }
  }

  stop(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  appended(partition: number): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    owned.isDirty = true
    this.#fetching.wake()
  }

  groupChanged(): void {
    this.#wakeup.wake()
  }

  missed(): void {
    this.#fetching.lookNow()
    this.#wakeup.wake()
  }

  async #beatLoop(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#wakeup.wait(BEAT_MS)
      if (!this.#stopped.signal.aborted) await this.#beat().catch((error) => this.#trouble(error))
    }
  }

  async #beat(): Promise<void> {
    const { store, options, partitions } = this.#settings
    // Before the question: the store's clock starts the lease no earlier than this.
    const askedAtMs = performance.now()
    const { joined, members, owned } = await store.beat(this.member, [...this.#owned.keys()])
    this.#heard(askedAtMs)
    if (joined) await store.makeCursors(this.member, options.from)
    for (const mine of this.#owned.values()) if (!owned.has(mine.partition)) this.#lose(mine)
    await this.#commitIfDue()
    await this.#balance(Math.ceil(partitions / members))
    this.#checkCaughtUp()
  }

  #heard(askedAtMs: number): void {
    if (this.#isTroubled) this.#settings.logger.info({ group: this.member.group }, 'the log answers again')
    this.#isTroubled = false
    this.#heardAtMs = askedAtMs
    clearTimeout(this.#leaseEnd)
    const leftMs = Math.max(0, askedAtMs + LEASE_MS - performance.now())
    this.#leaseEnd = setTimeout(() => {
      for (const mine of this.#owned.values()) this.#lose(mine)
    }, leftMs)
  }

  async #balance(share: number): Promise<void> {
    const staying = [...this.#owned.values()].filter(({ isLeaving }) => !isLeaving)
    for (const mine of staying.slice(share)) void this.#giveUp(mine)
    if (this.#owned.size >= share || this.#stopped.signal.aborted) return
    const except = [...this.#owned.keys(), ...this.#lingering.keys()]
    const taken = await this.#settings.store.acquire(this.member, share - this.#owned.size, except)
    for (const [partition, committed] of taken) {
      this.#owned.set(partition, new OwnedPartition(partition, committed, this.#partitionSettings))
    }
    if (taken.size > 0) this.#fetching.lookNow()
  }

  /** Another member has it, or may have it by now. */
  #lose(mine: OwnedPartition): void {
    const { partition, busy } = mine
    this.#owned.delete(partition)
    mine.end(new Error(`partition ${partition} is no longer this member's`))
    const { group, topic } = this.member
    this.#settings.logger.warn({ group, topic, partition }, 'lost a partition')
    if (busy === undefined) return
    this.#lingering.set(partition, busy)
    void busy.then(() => this.#lingering.delete(partition))
  }

  async #giveUp(mine: OwnedPartition): Promise<void> {
    mine.isLeaving = true
    await mine.busy
    if (!this.#isOwned(mine) || this.#stopped.signal.aborted) return
    try {
      await this.#commit([mine])
      await this.#settings.store.release(this.member, mine.partition)
      if (this.#isOwned(mine)) this.#owned.delete(mine.partition)
    } catch (error) {
      // The next beat finds it above the share again.
      mine.isLeaving = false
      this.#trouble(error)
    }
  }

  async #commitIfDue(): Promise<void> {
    if (performance.now() - this.#committedAtMs < this.#settings.options.commitIntervalMs) return
    this.#committedAtMs = performance.now()
    await this.#commit([...this.#owned.values()])
  }

  async #commit(partitions: readonly OwnedPartition[]): Promise<void> {
    const moved = partitions.filter((mine) => mine.isMoved && this.#isOwned(mine))
    if (moved.length === 0) return
    const positions = new Map(moved.map((mine) => [mine, mine.position]))
    const byPartition = [...positions].map(([{ partition }, position]) => [partition, position] as const)
    await this.#settings.store.commit(this.member, new Map(byPartition))
    for (const [mine, position] of positions) mine.committed(position)
  }

  #isOwned(mine: OwnedPartition): boolean {
    return this.#owned.get(mine.partition) === mine
  }

  #checkCaughtUp(): void {
    if (this.#owned.size < this.#settings.partitions) return
    const behind = [...this.#owned.values()].some(
      ({ partition, position }) => position < (this.#targets.get(partition) ?? 0n),
    )
    if (!behind) this.#caughtUp.resolve()
  }

  #trouble(err: unknown): void {
    if (this.#isTroubled) return
    this.#isTroubled = true
    this.#settings.logger.warn({ err, group: this.member.group }, 'the log does not answer; trying on')
  }

  async #leave(): Promise<void> {
    this.#stopped.abort(new EventLogError('closed', 'the subscription stops'))
    const owned = [...this.#owned.values()]
    for (const mine of owned) mine.end(this.#stopped.signal.reason)
    this.#fetching.wake()
    this.#wakeup.wake()
    await this.#loops
    await Promise.all([...owned.map(({ busy }) => busy), ...this.#lingering.values()])
    clearTimeout(this.#leaseEnd)
    // Whoever does not answer is not waited for twice: the lease ends by itself.
    if (!this.#isTroubled) await this.#takeLeave(owned)
    this.#owned.clear()
  }

  async #takeLeave(owned: readonly OwnedPartition[]): Promise<void> {
    try {
      await this.#commit(owned)
      await this.#settings.store.leave(this.member)
    } catch (err) {
      this.#settings.logger.warn({ err, group: this.member.group }, 'could not leave the group in order')
    }
  }
}
