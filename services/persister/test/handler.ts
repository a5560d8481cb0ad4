import type { Database } from '@roomlog/db'
import type { BatchContext, EventLog, LogRecord, MemoryLog } from '@roomlog/event-log'
import { decodeRejected, HEADERS, messagePersistedSchema, type Topic } from '@roomlog/events'
import { createMetrics } from '@roomlog/service-kit'
import { follow, keep } from '@roomlog/testkit'
import { pino } from 'pino'
import type { Traces } from '../src/batch/batch-trace.ts'
import { createBatchHandler } from '../src/batch/handle-batch.ts'
import { messageStore } from '../src/batch/message-store.ts'
import { PausedPartitions } from '../src/batch/paused-partitions.ts'
import { createPersisterMetrics } from '../src/metrics.ts'

export const PARTITION = 0
export const silent = pino({ level: 'silent' })

export type TestHandler = ReturnType<typeof testHandler>

/** The batch handler, with what it logs and counts. */
export function testHandler({ db }: Database, eventLog: EventLog, traces?: Traces) {
  const lines: string[] = []
  const write = (line: string) => {
    lines.push(line)
    keep('operators', line)
  }
  const log = pino({ level: 'trace' }, { write })
  const registry = createMetrics()
  const paused = new PausedPartitions()
  const metrics = createPersisterMetrics(registry, () => paused.count)
  const onBatch = createBatchHandler({ store: messageStore(db), eventLog, log, metrics, paused, traces })
  return {
    lines,
    levels: () => lines.map((line) => (JSON.parse(line) as { readonly level: number }).level),
    handle: (records: readonly LogRecord[], context: Partial<BatchContext> = {}) =>
      onBatch(
        { partition: PARTITION, records },
        { signal: new AbortController().signal, heartbeat: async () => undefined, ...context },
      ),
    /** The value of a metric, by its name with labels. */
    metric: async (name: string) => {
      const lines = (await registry.metrics()).split('\n')
      const line = lines.find((it) => it.startsWith(`${name} `))
      return line === undefined ? undefined : Number(line.slice(name.length))
    },
  }
}

/** Everything that stands in a topic now. */
export async function readAll(memory: MemoryLog, topic: Topic): Promise<readonly LogRecord[]> {
  const reader = await memory.open({ clientId: 'reader' }, silent)
  const found = await follow(reader, topic)
  await reader.close()
  return found
}

/** What readers get, in order: bodies of messages and codes of rejections. */
export async function published(memory: MemoryLog): Promise<readonly string[]> {
  return (await readAll(memory, 'persisted')).map(({ value, headers }) => {
    if (headers[HEADERS.to] === undefined) {
      return messagePersistedSchema.parse(JSON.parse(String(value))).message.body
    }
    const decoded = decodeRejected(value)
    return decoded.kind === 'event' ? decoded.event.code : decoded.kind
  })
}
