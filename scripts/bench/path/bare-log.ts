/**
 * The bare loop of a kafkajs client: what came while a batch was under way is the next batch, and one consumer reads it
 * all. Told over IPC what to do.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'
import { answerOrders } from '../child.ts'
import { type Percentiles, percentiles } from '../percentiles.ts'
import type { Pace } from './load-orders.ts'

export type BareLogOrder =
  /** Makes a topic and reads it. */
  | { readonly do: 'open'; readonly broker: string; readonly partitions: number }
  | { readonly do: 'run'; readonly pace: Pace; readonly warmMs: number; readonly ms: number }

export interface BareLogRun {
  /** Milliseconds from the handing over on: until the broker has acknowledged it, and until it is read. */
  readonly ack: Percentiles
  readonly read: Percentiles
  readonly acked: number
  readonly ms: number
}

const TOPIC = `bare-${crypto.randomUUID()}`
const TICK_MS = 1
/** As long as an event of a message of 128 characters. */
const VALUE = 'x'.repeat(330)
const KEYS = 1000

interface Message {
  readonly key: string
  readonly value: string
  readonly headers: { readonly at: string }
}

class BareLog {
  readonly #producer: Producer
  #queue: Message[] = []
  #isSending = false
  #underWay = 0
  #sent = 0
  #pace: Pace | undefined
  #ackMs: number[] = []
  #readMs: number[] = []

  constructor(producer: Producer, consumer: Consumer) {
    this.#producer = producer
    void consumer.run({
      eachBatch: async ({ batch }) => {
        const nowMs = performance.now()
        for (const { headers } of batch.messages) this.#readMs.push(nowMs - Number(String(headers?.at)))
      },
    })
  }

  async run({ pace, warmMs, ms }: Extract<BareLogOrder, { do: 'run' }>): Promise<BareLogRun> {
    this.#pace = pace
    this.#sent = 0
    const startedAtMs = performance.now()
    const sendDue = (perSecond: number) => {
      const due = ((performance.now() - startedAtMs) / 1000) * perSecond
      while (this.#sent < due) this.#send()
    }
    const timer = 'perSecond' in pace ? setInterval(() => sendDue(pace.perSecond), TICK_MS) : undefined
    this.#refill()
    await sleep(warmMs)
    const fromMs = performance.now()
    this.#ackMs = []
    this.#readMs = []
    await sleep(ms)
    const [ackMs, readMs] = [this.#ackMs, this.#readMs]
    const tookMs = performance.now() - fromMs
    clearInterval(timer)
    this.#pace = undefined
    while (this.#underWay > 0) await sleep(TICK_MS)
    return { ack: percentiles(ackMs), read: percentiles(readMs), acked: ackMs.length, ms: tookMs }
  }

  #refill(): void {
    const pace = this.#pace
    if (pace === undefined || !('inFlight' in pace)) return
    while (this.#underWay < pace.inFlight) this.#send()
  }

  #send(): void {
    const key = `room-${this.#sent % KEYS}`
    this.#sent += 1
    this.#underWay += 1
    this.#queue.push({ key, value: VALUE, headers: { at: String(performance.now()) } })
    if (!this.#isSending) void this.#loop()
  }

  async #loop(): Promise<void> {
    this.#isSending = true
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const messages = this.#queue
      this.#queue = []
      await this.#producer.send({ topic: TOPIC, acks: -1, messages: [...messages] })
      const nowMs = performance.now()
      for (const { headers } of messages) this.#ackMs.push(nowMs - Number(headers.at))
      this.#underWay -= messages.length
      this.#refill()
    }
    this.#isSending = false
  }
}

let log: BareLog | undefined

async function open({ broker, partitions }: Extract<BareLogOrder, { do: 'open' }>): Promise<void> {
  const kafka = new Kafka({ clientId: 'bare', brokers: [broker], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: partitions }], waitForLeaders: true })
  await admin.disconnect()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const consumer = kafka.consumer({ groupId: TOPIC, minBytes: 1, maxWaitTimeInMs: 250 })
  await consumer.connect()
  const joined = Promise.withResolvers<unknown>()
  consumer.on(consumer.events.GROUP_JOIN, joined.resolve)
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
  log = new BareLog(producer, consumer)
  await joined.promise
}

answerOrders<BareLogOrder>(async (order) => {
  if (order.do === 'open') return open(order)
  return log?.run(order)
})
