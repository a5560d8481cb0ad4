import { setImmediate as nextTurn } from 'node:timers/promises'
import { type EncodedRecord, namespaced, TOPICS } from '@roomlog/events'
import type { Logger } from 'pino'
import type { EventLog } from './port.ts'
import type { TimedRecord } from './reader.ts'
import { openStoreLog } from './store/log.ts'
import { type Beat, LEASE_MS, type LogStore, type Member, type StoreWatcher } from './store/store.ts'

interface Cursor {
  position: bigint | null
  owner: string | undefined
  untilMs: number
}

export interface MemoryLogSettings {
  readonly clientId: string
  readonly namespace?: string
  readonly pendingLimit?: number
}

/** A log in this process's memory, for unit tests: each `open` is what a process of its own would have. */
export class MemoryLog {
  readonly partitions: number
  /** Records by topic, then partition; a record's offset is its index. */
  readonly #topics = new Map<string, readonly TimedRecord[][]>()
  readonly #cursors = new Map<string, readonly Cursor[]>()
  /** By group: when each member's time is over. */
  readonly #members = new Map<string, Map<string, number>>()
  readonly #watchers = new Set<StoreWatcher>()

  constructor(partitions: number) {
    this.partitions = partitions
  }

  open(settings: MemoryLogSettings, logger: Logger): Promise<EventLog> {
    const { namespace = '', ...rest } = settings
    for (const { name } of Object.values(TOPICS)) this.#createTopic(namespaced(namespace, name))
    return openStoreLog({ ...rest, namespace, partitions: this.partitions, store: this.#store() }, logger)
  }

  #createTopic(name: string): void {
    if (!this.#topics.has(name))
      this.#topics.set(
        name,
        Array.from({ length: this.partitions }, () => []),
      )
  }

  #store(): LogStore {
    const watching = new Set<StoreWatcher>()
    return {
      append: async (topic, partition, records) => {
        // As a server would: whoever appends in a loop lets others run.
        await nextTurn()
        this.#append(topic, partition, records)
      },
      heads: async (topic) => new Map(this.#topics.get(topic)?.map((log, p) => [p, BigInt(log.length)])),
      read: async (topic, from, maxRecords) => {
        const logs = this.#topics.get(topic) ?? []
        return new Map(
          [...from].map(([p, start]) => [p, logs[p]?.slice(Number(start), Number(start) + maxRecords) ?? []]),
        )
      },
      makeCursors: async (member, from) => this.#makeCursors(member, from),
      beat: async (member, held) => this.#beat(member, held),
      acquire: async (member, count, except) => this.#acquire(member, count, except),
      commit: async (member, positions) => {
        for (const [partition, position] of positions) {
          const cursor = this.#cursorsOf(member)[partition]
          if (cursor?.owner === member.id && position > (cursor.position ?? 0n)) cursor.position = position
        }
      },
      release: async (member, partition) => this.#release(member, [partition]),
      leave: async (member) => {
        this.#membersOf(member).delete(member.id)
        this.#release(member, [...this.#cursorsOf(member).keys()])
      },
      watch: (watcher) => {
        watching.add(watcher)
        this.#watchers.add(watcher)
      },
      ping: async () => {},
      close: async () => {
        for (const watcher of watching) this.#watchers.delete(watcher)
      },
    }
  }

  #append(topic: string, partition: number, records: readonly EncodedRecord[]): void {
    const log = this.#topics.get(topic)?.[partition]
    if (log === undefined) throw new Error(`no topic ${topic} with partition ${partition}`)
    for (const record of records) log.push({ ...record, offset: BigInt(log.length), at: new Date() })
    for (const { appended } of this.#watchers) appended(topic, partition)
  }

  #cursorsOf({ group, topic }: Member): readonly Cursor[] {
    return this.#cursors.get(`${group} ${topic}`) ?? []
  }

  #membersOf({ group }: Member): Map<string, number> {
    const members = this.#members.get(group) ?? new Map<string, number>()
    this.#members.set(group, members)
    return members
  }

  #makeCursors(member: Member, from: 'beginning' | 'end'): void {
    const known = this.#cursorsOf(member)
    const made = (this.#topics.get(member.topic) ?? []).map((log, partition) => {
      const cursor = known[partition] ?? { position: null, owner: undefined, untilMs: 0 }
      if (from === 'end') cursor.position ??= BigInt(log.length)
      return cursor
    })
    this.#cursors.set(`${member.group} ${member.topic}`, made)
  }

  #beat(member: Member, held: readonly number[]): Beat {
    const members = this.#membersOf(member)
    const nowMs = performance.now()
    for (const [id, untilMs] of members) if (untilMs < nowMs) members.delete(id)
    const joined = !members.has(member.id)
    members.set(member.id, nowMs + LEASE_MS)
    const owned = new Set<number>()
    for (const [partition, cursor] of this.#cursorsOf(member).entries()) {
      if (cursor.owner !== member.id) continue
      if (!held.includes(partition)) {
        cursor.owner = undefined
        continue
      }
      cursor.untilMs = nowMs + LEASE_MS
      owned.add(partition)
    }
    if (joined) this.#tellGroup(member)
    return { joined, members: members.size, owned }
  }

  #acquire(member: Member, count: number, except: readonly number[]): ReadonlyMap<number, bigint | null> {
    const nowMs = performance.now()
    const free = [...this.#cursorsOf(member).entries()].filter(
      ([partition, { owner, untilMs }]) =>
        !except.includes(partition) && (owner === undefined || owner === member.id || untilMs < nowMs),
    )
    const taken = free.slice(0, count)
    for (const [, cursor] of taken) {
      cursor.owner = member.id
      cursor.untilMs = nowMs + LEASE_MS
    }
    return new Map(taken.map(([partition, { position }]) => [partition, position]))
  }

  #release(member: Member, partitions: readonly number[]): void {
    for (const partition of partitions) {
      const cursor = this.#cursorsOf(member)[partition]
      if (cursor?.owner === member.id) cursor.owner = undefined
    }
    this.#tellGroup(member)
  }

  #tellGroup({ group }: Member): void {
    for (const { groupChanged } of this.#watchers) groupChanged(group)
  }
}
