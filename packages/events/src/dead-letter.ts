import { clientMsgIdSchema, idSchema } from '@roomlog/protocol'
import { z } from 'zod'
import { type EncodedRecord, HEADERS } from './codec.ts'
import { TOPICS, type Topic } from './topics.ts'

/** Where a record stood when it was dead-lettered. */
export interface Origin {
  readonly topic: Topic
  readonly partition: number
  readonly offset: bigint
}

/** A record as it came from the log; key and value can be missing. */
export interface RawRecord {
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly value: Buffer | null
}

/** The original bytes under the original key; reason and origin join the original headers. A missing key or value becomes an empty one. */
export function encodeDeadLetter(record: RawRecord, reason: string, origin: Origin): EncodedRecord {
  return {
    key: record.key ?? '',
    headers: {
      ...record.headers,
      [HEADERS.reason]: reason,
      [HEADERS.originTopic]: TOPICS[origin.topic].name,
      [HEADERS.originPartition]: String(origin.partition),
      [HEADERS.originOffset]: String(origin.offset),
    },
    value: record.value ?? Buffer.alloc(0),
  }
}

const addressSchema = z.object({ roomId: idSchema, senderId: idSchema, clientMsgId: clientMsgIdSchema })

/** Whose message a record is. */
export type MessageAddress = Readonly<z.infer<typeof addressSchema>>

/** The address in a record that could not be decoded, so that its sender can be told; undefined where it cannot be read. */
export function addressOf(value: Buffer | null): MessageAddress | undefined {
  try {
    // Lenient on purpose: bytes that are no UTF-8 stand in a body mostly, and leave the ids readable.
    return addressSchema.safeParse(JSON.parse(value?.toString('utf8') ?? '')).data
  } catch {
    return undefined
  }
}
