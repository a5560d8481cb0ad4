import type { Logger } from 'pino'
import { type Admin, PRODUCE_TIMEOUT_MS, type Producer } from '../kafka.ts'

const ALL_REPLICAS = -1
/** As old as the producer's own knowledge may become. */
const LEADERS_MAX_AGE_MS = 5000
/** After a failure every batch stands for itself: none is sent again, or waits, for another's sake. */
const ALONE_MS = 10_000

type ProducerRecord = Parameters<Producer['send']>[0]
type Answers = Awaited<ReturnType<Producer['send']>>

export interface ProduceBatch {
  /** With its namespace. */
  readonly topic: string
  readonly partition: number
  readonly messages: ProducerRecord['messages']
}

interface Job extends ProduceBatch {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes batches. Those that come in one turn of the event loop and have one leader go in one request, which costs broker
 * and client about as much as each of them would.
 */
export class Produce {
  readonly #producer: Producer
  readonly #admin: Admin
  readonly #logger: Logger
  /** That were written to. */
  readonly #topics = new Set<string>()
  #waiting: Job[] = []
  /** By topic and partition; empty before they are known. */
  #leaders: ReadonlyMap<string, number> = new Map()
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #aloneUntilMs = Number.NEGATIVE_INFINITY

  constructor(producer: Producer, admin: Admin, logger: Logger) {
    this.#producer = producer
    this.#admin = admin
    this.#logger = logger
  }

  /** Resolves only when the answer says that the batch was written; whatever else happened is a rejection. */
  send(batch: ProduceBatch): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (this.#waiting.length === 0) setImmediate(() => this.#sendWaiting())
    this.#waiting.push({ ...batch, resolve, reject })
    return promise
  }

  #sendWaiting(): void {
    const jobs = this.#waiting
    this.#waiting = []
    this.#lookForLeaders(jobs)
    for (const group of this.#grouped(jobs).values()) void this.#sendTogether(group)
  }

  #grouped(jobs: readonly Job[]): ReadonlyMap<number | string, readonly Job[]> {
    const groups = new Map<number | string, Job[]>()
    const areAlone = performance.now() < this.#aloneUntilMs
    for (const job of jobs) {
      const place = placeOf(job.topic, job.partition)
      const key = areAlone ? place : (this.#leaders.get(place) ?? place)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [job])
      else group.push(job)
    }
    return groups
  }

  async #sendTogether(jobs: readonly Job[]): Promise<void> {
    try {
      const answers = await this.#producer.sendBatch({
        topicMessages: topicMessagesOf(jobs),
        acks: ALL_REPLICAS,
        timeout: PRODUCE_TIMEOUT_MS,
      })
      for (const job of jobs) {
        if (isWritten(answers, job)) job.resolve()
        else
          job.reject(
            new Error(`the answer does not say that ${placeOf(job.topic, job.partition)} was written`),
          )
      }
    } catch (error) {
      this.#aloneUntilMs = performance.now() + ALONE_MS
      for (const { reject } of jobs) reject(error)
    }
  }

  /** Not awaited: who is not known to share a leader goes alone. */
  #lookForLeaders(jobs: readonly Job[]): void {
    for (const { topic } of jobs) this.#topics.add(topic)
    const nowMs = performance.now()
    if (nowMs - this.#lookedAtMs < LEADERS_MAX_AGE_MS) return
    this.#lookedAtMs = nowMs
    this.#admin.fetchTopicMetadata({ topics: [...this.#topics] }).then(
      ({ topics: known }) => {
        this.#leaders = new Map(
          known.flatMap(({ name, partitions }) =>
            partitions.map(({ partitionId, leader }) => [placeOf(name, partitionId), leader] as const),
          ),
        )
      },
      (err: unknown) => {
        this.#leaders = new Map()
        this.#logger.debug({ err }, 'the leaders are not known; later')
      },
    )
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}:${partition}`
}

function topicMessagesOf(jobs: readonly Job[]) {
  const byTopic = new Map<string, ProduceBatch['messages'][number][]>()
  for (const { topic, messages } of jobs) byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...messages])
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }))
}

/** A send can resolve without having written: only an answer that names the partition and its offset counts. */
function isWritten(answers: Answers, { topic, partition }: Job): boolean {
  return answers.some(
    (answer) =>
      answer.topicName === topic &&
      answer.partition === partition &&
      answer.errorCode === 0 &&
      answer.baseOffset !== undefined &&
      BigInt(answer.baseOffset) >= 0n,
  )
}
