import type { EventLog, LogReader, Ranges, TimedRecord } from '@roomlog/event-log'
import { HEADERS, PERSISTER_GROUP, REPLAY_GROUP, TOPICS, type Topic } from '@roomlog/events'
import { OperatorFailure } from '../operator/failure.ts'

/** Of what is in the log and nowhere else, who has done with it how far. */
const GROUPS = { created: PERSISTER_GROUP, deadLetters: REPLAY_GROUP } as const satisfies Partial<
  Record<Topic, string>
>
export type CarriedTopic = keyof typeof GROUPS

const APPEND_TIMEOUT_MS = 60_000

/**
 * Appends to Kafka what the group has not done with of the embedded log: the same bytes under the same keys, so each room
 * keeps its order. Each says where it stood, by which a run that comes after an interrupted one leaves out what is there
 * already. Resolves with how many there are. Throws `OperatorFailure` where the topic has others.
 */
export async function carryOver(
  topic: CarriedTopic,
  source: LogReader,
  target: LogReader,
  log: EventLog,
): Promise<number> {
  const carried = await carriedTo(target, topic)
  let count = 0
  await source.read(topic, {
    ranges: await openRanges(source, topic),
    onRecords: async (partition, records) => {
      count += records.length
      const moved = records.map((record) => withOrigin(topic, partition, record))
      const missing = moved.filter(({ headers }) => !carried.has(headers[HEADERS.movedFrom]))
      await log.appendAll(topic, missing, AbortSignal.timeout(APPEND_TIMEOUT_MS))
    },
  })
  return count
}

async function openRanges(source: LogReader, topic: CarriedTopic): Promise<Ranges> {
  const positions = await source.positions(GROUPS[topic], topic)
  return new Map(
    [...(await source.bounds(topic))].map(([partition, { from, end }]) => {
      const position = positions.get(partition) ?? from
      return [partition, { from: position > from ? position : from, end }]
    }),
  )
}

function withOrigin(topic: CarriedTopic, partition: number, { key, headers, value, offset }: TimedRecord) {
  const movedFrom = `${TOPICS[topic].name}:${partition}:${offset}`
  return {
    key: key ?? '',
    headers: { ...headers, [HEADERS.movedFrom]: movedFrom },
    value: value ?? Buffer.alloc(0),
  }
}

/** Where those stood that an earlier run has carried over. */
async function carriedTo(target: LogReader, topic: CarriedTopic): Promise<ReadonlySet<string | undefined>> {
  const carried = new Set<string>()
  await target.read(topic, {
    ranges: await target.bounds(topic),
    onRecords: async (_partition, records) => {
      for (const { headers } of records) {
        const origin = headers[HEADERS.movedFrom]
        if (origin === undefined)
          throw new OperatorFailure(
            'The topics on Kafka have records of somebody else. Give new ones: another NAMESPACE, and npm run topics.',
          )
        carried.add(origin)
      }
    },
  })
  return carried
}
