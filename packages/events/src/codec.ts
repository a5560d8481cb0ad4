import type { Message } from '@roomlog/protocol'
import type { z } from 'zod'
import {
  EVENT_VERSION,
  type MessageCreated,
  type MessageRejected,
  messageCreatedSchema,
  messageRejectedSchema,
} from './schemas.ts'

/** What goes into the log: text headers beside a value of JSON in UTF-8. */
export interface EncodedRecord {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: Buffer
}

export const HEADERS = {
  /** On persisted messages: the seq, so that an edge can drop what it has without parsing. */
  seq: 'seq',
  /** On persisted messages: of the database that stored it. After a restore the same seq is given to another message. */
  epoch: 'epoch',
  /** On rejections: the sender whose sockets it is for; looked at on every record. */
  to: 'to',
  /** Where the sender of a created or persisted record takes part in a trace: W3C Trace Context, of the step that appended it. */
  traceparent: 'traceparent',
  /** On dead letters: why, and where the record stood. */
  reason: 'reason',
  originTopic: 'origin-topic',
  originPartition: 'origin-partition',
  originOffset: 'origin-offset',
  /** On what was carried over from an embedded log: `topic:partition:offset` there. */
  movedFrom: 'moved-from',
} as const

/** The record with the trace of the step that appends it, if there is one. */
export function traced(
  record: EncodedRecord,
  step: { readonly traceparent: string } | undefined,
): EncodedRecord {
  if (step === undefined) return record
  return { ...record, headers: { ...record.headers, [HEADERS.traceparent]: step.traceparent } }
}

/** `newer`: written by a build that knows more than this one; it must wait, never be dropped. `bad`: no build can read it. */
export type Decoded<T> =
  | { readonly kind: 'event'; readonly event: T }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'bad'; readonly reason: string }

export function encodeCreated(event: Omit<MessageCreated, 'v'>): EncodedRecord {
  return {
    key: event.roomId,
    headers: {},
    value: Buffer.from(JSON.stringify({ v: EVENT_VERSION, ...event })),
  }
}

export function decodeCreated(value: Buffer | null): Decoded<MessageCreated> {
  return decode(messageCreatedSchema, value)
}

// The message is the value's last field, at a fixed place: an edge cuts its frame out of the bytes instead of parsing and encoding them again.
const PERSISTED_PREFIX = Buffer.from(`{"v":${EVENT_VERSION},"message":`)
const FRAME_PREFIX = Buffer.from('{"type":"newMessage","message":')

/** `epoch`: of the database in which the message is stored. */
export function encodePersisted(message: Message, epoch: string): EncodedRecord {
  return {
    key: message.roomId,
    headers: { [HEADERS.seq]: String(message.seq), [HEADERS.epoch]: epoch },
    value: Buffer.concat([PERSISTED_PREFIX, Buffer.from(JSON.stringify(message)), Buffer.from('}')]),
  }
}

/** The `newMessage` frame of a stored message, as bytes. */
export function encodeNewMessageFrame(message: Message): Buffer {
  return Buffer.concat([FRAME_PREFIX, Buffer.from(JSON.stringify(message)), Buffer.from('}')])
}

/** The same frame, cut out of a persisted record's value; undefined when the value is not of this version's shape. */
export function frameOfPersisted(value: Buffer | null): Buffer | undefined {
  if (value === null || !value.subarray(0, PERSISTED_PREFIX.length).equals(PERSISTED_PREFIX)) return undefined
  return Buffer.concat([FRAME_PREFIX, value.subarray(PERSISTED_PREFIX.length)])
}

const CREATED_AT = Buffer.from('"createdAt":"')
const ISO_LENGTH = '2026-01-02T03:04:05.678Z'.length

/**
 * The milliseconds of `createdAt` in a `newMessage` frame; undefined when it has none. Looked for from its end, where it
 * stands: no text that somebody wrote can have the mark, since its quotation marks are escaped.
 */
export function createdAtOfFrame(frame: Buffer): number | undefined {
  const mark = frame.lastIndexOf(CREATED_AT)
  if (mark < 0) return undefined
  const from = mark + CREATED_AT.length
  const ms = Date.parse(frame.toString('latin1', from, from + ISO_LENGTH))
  return Number.isNaN(ms) ? undefined : ms
}

export function encodeRejected(event: Omit<MessageRejected, 'v'>): EncodedRecord {
  return {
    key: event.roomId,
    headers: { [HEADERS.to]: event.senderId },
    value: Buffer.from(JSON.stringify({ v: EVENT_VERSION, ...event })),
  }
}

export function decodeRejected(value: Buffer | null): Decoded<MessageRejected> {
  return decode(messageRejectedSchema, value)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode<T>(schema: z.ZodType<T>, value: Buffer | null): Decoded<T> {
  if (value === null) return { kind: 'bad', reason: 'tombstone' }
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(value))
  } catch (error) {
    return { kind: 'bad', reason: error instanceof SyntaxError ? 'not JSON' : 'not UTF-8' }
  }
  const version = versionOf(json)
  if (version !== undefined && version > EVENT_VERSION) return { kind: 'newer', version }
  const parsed = schema.safeParse(json)
  if (parsed.success) return { kind: 'event', event: parsed.data }
  const issue = parsed.error.issues[0]
  return { kind: 'bad', reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}` }
}

function versionOf(json: unknown): number | undefined {
  if (typeof json !== 'object' || json === null || !('v' in json)) return undefined
  return typeof json.v === 'number' ? json.v : undefined
}
