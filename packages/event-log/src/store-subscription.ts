import { randomUUID } from 'node:crypto'
import { backlogOf } from './backlog.ts'
import { deliver, redeliveryPauseMs } from './delivery.ts'
import type { EngineSubscription, SubscriptionSettings } from './engine-log.ts'
import { EventLogError } from './errors.ts'
import type { SubscriptionHealth } from './port.ts'
import type { TimedRecord } from './reader.ts'
import { retryForEver } from './retry.ts'
import { LEASE_MS, type LogStore, type Member } from './store.ts'
import { Wakeup } from './wakeup.ts'

const BEAT_MS = 1000
const POLL_MS = 500

interface OwnedPartition {
  readonly partition: number
  readonly abort: AbortController
  /** The next record to deliver. */
  position: bigint
  /** What the store has of it; null: the group has no position here yet. */
  committed: bigint | null
  /** Where the partition ended when it was last looked at. */
  head: bigint
  /** When the log took the first record that is fetched and not done; undefined: none is. */
  waitsSince: Date | undefined
  /** There may be records from `position` on. */
  dirty: boolean
  busy: Promise<void> | undefined
  failures: number
  resting: NodeJS.Timeout | undefined
  leaving: boolean
}

export interface StoreSubscriptionSettings extends SubscriptionSettings {
  readonly store: LogStore
  readonly clientId: string
}

/**
 * A member of a group on a store with leases. One loop keeps the membership: it renews, gives up what is above this
 * member's share, takes what is free below it. The other fetches, for all partitions that may have something, in one
 * read; each partition's batch is then handled on its own.
 */
export class StoreSubscription implements EngineSubscription {
  readonly caughtUp: Promise<void>
  readonly #settings: StoreSubscriptionSettings
  readonly #member: Member
  readonly #owned = new Map<number, OwnedPartition>()
  /** Handlers that run on although their partition was lost: it is not taken again before they end. */
  readonly #lingering = new Map<number, Promise<void>>()
  readonly #fetchWakeup = new Wakeup()
  readonly #beatWakeup = new Wakeup()
  readonly #resolveCaughtUp: () => void
  #targets: ReadonlyMap<number, bigint> = new Map()
  #loops: Promise<unknown> = Promise.resolve()
  #leaseEnd: NodeJS.Timeout | undefined
  #heardAtMs = 0
  #nextPollMs = 0
  #committedAtMs = 0
  #troubled = false
  readonly #stopped = new AbortController()
  #leaving: Promise<void> | undefined

  constructor(settings: StoreSubscriptionSettings) {
    this.#settings = settings
    const { clientId, group, topic } = settings
    this.#member = { id: `${clientId}-${randomUUID()}`, group, topic }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.caughtUp = promise
    this.#resolveCaughtUp = resolve
  }

  get topic(): string {
    return this.#member.topic
  }

  get group(): string {
    return this.#member.group
  }

  async start(): Promise<void> {
    const onError = (error: unknown) => this.#trouble(error)
    await retryForEver(() => this.#join(), { signal: this.#stopped.signal, onError })
    this.#loops = Promise.all([this.#beatLoop(), this.#fetchLoop()])
  }

  async #join(): Promise<void> {
    const { store, topic, options } = this.#settings
    await store.makeCursors(this.#member, options.from)
    this.#targets = await store.heads(topic)
    await this.#beat()
  }

  health(): SubscriptionHealth {
    const owned = [...this.#owned.values()].filter(({ leaving }) => !leaving)
    return {
      assigned: owned.length,
      connected: performance.now() - this.#heardAtMs < LEASE_MS,
      ...backlogOf(owned.map(({ position, head, waitsSince }) => ({ position, end: head, waitsSince }))),
    }
  }

  stop(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  appended(partition: number): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    owned.dirty = true
    this.#fetchWakeup.wake()
  }

  groupChanged(): void {
    this.#beatWakeup.wake()
  }

  missed(): void {
    this.#nextPollMs = 0
    this.#fetchWakeup.wake()
    this.#beatWakeup.wake()
  }

  async #beatLoop(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#beatWakeup.wait(BEAT_MS)
      if (!this.#stopped.signal.aborted) await this.#beat().catch((error) => this.#trouble(error))
    }
  }

  async #beat(): Promise<void> {
    const { store, options, partitions } = this.#settings
    // Before the question: the store's clock starts the lease no earlier than this.
    const askedAtMs = performance.now()
    const { joined, members, owned } = await store.beat(this.#member, [...this.#owned.keys()])
    this.#heard(askedAtMs)
    if (joined) await store.makeCursors(this.#member, options.from)
    for (const mine of this.#owned.values()) if (!owned.has(mine.partition)) this.#lose(mine)
    await this.#commitIfDue()
    await this.#balance(Math.ceil(partitions / members))
    this.#checkCaughtUp()
  }

  #heard(askedAtMs: number): void {
    if (this.#troubled) this.#settings.logger.info({ group: this.#member.group }, 'the log answers again')
    this.#troubled = false
    this.#heardAtMs = askedAtMs
    clearTimeout(this.#leaseEnd)
    const expire = () => {
      for (const mine of this.#owned.values()) this.#lose(mine)
    }
    this.#leaseEnd = setTimeout(expire, Math.max(0, askedAtMs + LEASE_MS - performance.now()))
  }

  async #balance(share: number): Promise<void> {
    const staying = [...this.#owned.values()].filter(({ leaving }) => !leaving)
    for (const mine of staying.slice(share)) void this.#giveUp(mine)
    if (this.#owned.size >= share || this.#stopped.signal.aborted) return
    const except = [...this.#owned.keys(), ...this.#lingering.keys()]
    const taken = await this.#settings.store.acquire(this.#member, share - this.#owned.size, except)
    for (const [partition, committed] of taken) this.#own(partition, committed)
    if (taken.size === 0) return
    this.#nextPollMs = 0
    this.#fetchWakeup.wake()
  }

  #own(partition: number, committed: bigint | null): void {
    this.#owned.set(partition, {
      partition,
      abort: new AbortController(),
      position: committed ?? 0n,
      committed,
      head: 0n,
      waitsSince: undefined,
      dirty: true,
      busy: undefined,
      failures: 0,
      resting: undefined,
      leaving: false,
    })
  }

  /** Another member has it, or may have it by now. */
  #lose(mine: OwnedPartition): void {
    const { partition, busy } = mine
    this.#owned.delete(partition)
    clearTimeout(mine.resting)
    mine.abort.abort(new Error(`partition ${partition} is no longer this member's`))
    const { group, topic } = this.#member
    this.#settings.logger.warn({ group, topic, partition }, 'lost a partition')
    if (busy === undefined) return
    this.#lingering.set(partition, busy)
    void busy.then(() => this.#lingering.delete(partition))
  }

  async #giveUp(mine: OwnedPartition): Promise<void> {
    mine.leaving = true
    await mine.busy
    if (!this.#isOwned(mine) || this.#stopped.signal.aborted) return
    try {
      await this.#commit([mine])
      await this.#settings.store.release(this.#member, mine.partition)
      if (this.#isOwned(mine)) this.#owned.delete(mine.partition)
    } catch (error) {
      // The next beat finds it above the share again.
      mine.leaving = false
      this.#trouble(error)
    }
  }

  async #fetchLoop(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        if (performance.now() >= this.#nextPollMs) await this.#poll()
        const wanted = [...this.#owned.values()].filter(isReady)
        if (wanted.length > 0) await this.#fetch(wanted)
        else await this.#fetchWakeup.wait(Math.max(0, this.#nextPollMs - performance.now()))
      } catch (error) {
        this.#trouble(error)
        this.#nextPollMs = performance.now() + POLL_MS
        await this.#fetchWakeup.wait(POLL_MS)
      }
    }
  }

  async #poll(): Promise<void> {
    if (this.#owned.size > 0) {
      const heads = await this.#settings.store.heads(this.#member.topic)
      for (const mine of this.#owned.values()) {
        mine.head = heads.get(mine.partition) ?? 0n
        // The store was restored to an older state: what it has of this group's position holds.
        if (mine.head < mine.position) this.#lose(mine)
        mine.dirty ||= mine.head > mine.position
      }
    }
    this.#nextPollMs = performance.now() + POLL_MS
  }

  async #fetch(wanted: readonly OwnedPartition[]): Promise<void> {
    const { store, topic, options } = this.#settings
    for (const mine of wanted) mine.dirty = false
    const from = new Map(wanted.map(({ partition, position }) => [partition, position]))
    const found = await store.read(topic, from, options.maxRecords).catch((error: unknown) => {
      for (const mine of wanted) mine.dirty = true
      throw error
    })
    for (const mine of wanted) {
      if (!mine.abort.signal.aborted && !mine.leaving && !this.#stopped.signal.aborted) {
        this.#take(mine, found.get(mine.partition) ?? [])
      }
    }
  }

  #take(mine: OwnedPartition, records: readonly TimedRecord[]): void {
    const [first] = records
    // Nothing below a head that was read earlier: it has all been trimmed.
    const start = first?.offset ?? (mine.head > mine.position ? mine.head : mine.position)
    if (start > mine.position) this.#jump(mine, start)
    if (first === undefined) return
    mine.busy = this.#handle(mine, records).finally(() => {
      mine.busy = undefined
      this.#checkCaughtUp()
      this.#fetchWakeup.wake()
    })
  }

  #jump(mine: OwnedPartition, to: bigint): void {
    const { partition, position, committed } = mine
    mine.position = to
    if (committed === null) return
    const { group, topic } = this.#member
    this.#settings.logger.warn(
      { group, topic, partition, from: String(position), to: String(to), lost: String(to - position) },
      'the position was below the oldest record: what was trimmed is skipped',
    )
  }

  async #handle(mine: OwnedPartition, records: readonly TimedRecord[]): Promise<void> {
    const { options, logger } = this.#settings
    const { partition, abort } = mine
    mine.waitsSince = records[0]?.at
    const heartbeat = async () => abort.signal.throwIfAborted()
    const done = await deliver(options, { partition, records }, { signal: abort.signal, heartbeat }, logger)
    const last = records[done - 1]
    if (last !== undefined) mine.position = last.offset + 1n
    mine.waitsSince = records[done]?.at
    if (done < records.length) this.#rest(mine, done > 0 ? 1 : mine.failures + 1)
    else {
      mine.failures = 0
      mine.dirty ||= records.length === options.maxRecords
    }
    if (done > 0 && options.commitIntervalMs === 0) {
      await this.#commit([mine]).catch((error) => this.#trouble(error))
    }
  }

  #rest(mine: OwnedPartition, failures: number): void {
    mine.failures = failures
    const ended = () => {
      mine.resting = undefined
      mine.dirty = true
      this.#fetchWakeup.wake()
    }
    if (!mine.abort.signal.aborted) mine.resting = setTimeout(ended, redeliveryPauseMs(failures))
  }

  async #commitIfDue(): Promise<void> {
    if (performance.now() - this.#committedAtMs < this.#settings.options.commitIntervalMs) return
    this.#committedAtMs = performance.now()
    await this.#commit([...this.#owned.values()])
  }

  async #commit(partitions: readonly OwnedPartition[]): Promise<void> {
    const moved = partitions.filter((mine) => mine.position > (mine.committed ?? 0n) && this.#isOwned(mine))
    if (moved.length === 0) return
    const positions = new Map(moved.map(({ partition, position }) => [partition, position]))
    await this.#settings.store.commit(this.#member, positions)
    for (const mine of moved) mine.committed = positions.get(mine.partition) ?? mine.committed
  }

  #isOwned(mine: OwnedPartition): boolean {
    return this.#owned.get(mine.partition) === mine
  }

  #checkCaughtUp(): void {
    if (this.#owned.size < this.#settings.partitions) return
    const behind = [...this.#owned.values()].some(
      ({ partition, position }) => position < (this.#targets.get(partition) ?? 0n),
    )
    if (!behind) this.#resolveCaughtUp()
  }

  #trouble(err: unknown): void {
    if (this.#troubled || this.#stopped.signal.aborted) return
    this.#troubled = true
    this.#settings.logger.warn({ err, group: this.#member.group }, 'the log does not answer; trying on')
  }

  async #leave(): Promise<void> {
    this.#stopped.abort(new EventLogError('closed', 'the subscription stops'))
    const owned = [...this.#owned.values()]
    for (const mine of owned) {
      clearTimeout(mine.resting)
      mine.abort.abort(this.#stopped.signal.reason)
    }
    this.#fetchWakeup.wake()
    this.#beatWakeup.wake()
    await this.#loops
    await Promise.all([...owned.map(({ busy }) => busy), ...this.#lingering.values()])
    clearTimeout(this.#leaseEnd)
    try {
      await this.#commit(owned)
      await this.#settings.store.leave(this.#member)
    } catch (err) {
      // The lease ends by itself.
      this.#settings.logger.warn({ err, group: this.#member.group }, 'could not leave the group in order')
    }
    this.#owned.clear()
  }
}

function isReady({ dirty, busy, resting, leaving }: OwnedPartition): boolean {
  return dirty && busy === undefined && resting === undefined && !leaving
}
