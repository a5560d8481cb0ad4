import type { ClientFrame, ClientFrameSchemas, ClientFrameType } from './frames.ts'
import { clientMsgIdSchema, idSchema } from './ids.ts'

/**
 * What a text frame turned out to be. `bad_frame`: not JSON, not an object, or of an unknown type (these count
 * towards a 4400). `invalid`: a known type with a bad field; where the frame names a room or a send by well-formed
 * ids they come along, so that a refused send is always answered by an `ack`.
 */
export type DecodedFrame =
  | { readonly kind: 'frame'; readonly frame: ClientFrame }
  | { readonly kind: 'bad_frame'; readonly message: string; readonly ref?: string }
  | {
      readonly kind: 'invalid'
      readonly type: ClientFrameType
      readonly message: string
      readonly ref?: string
      readonly roomId?: string
      readonly clientMsgId?: string
    }

export function decodeClientFrame(schemas: ClientFrameSchemas, text: string): DecodedFrame {
  const value = parseObject(text)
  if (value === undefined) return { kind: 'bad_frame', message: 'a frame is one JSON object' }
  const type = value.type
  if (typeof type !== 'string' || !Object.hasOwn(schemas, type)) {
    return { kind: 'bad_frame', message: 'unknown frame type', ...refOf(value) }
  }
  const known = type as ClientFrameType
  const parsed = schemas[known].safeParse(value)
  if (parsed.success) return { kind: 'frame', frame: parsed.data }
  const issue = parsed.error.issues[0]
  return {
    kind: 'invalid',
    type: known,
    message: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
    ...refOf(value),
    ...named('roomId', idSchema.safeParse(value.roomId).data),
    ...named('clientMsgId', clientMsgIdSchema.safeParse(value.clientMsgId).data),
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function refOf(value: Record<string, unknown>): { ref?: string } {
  return typeof value.ref === 'string' && value.ref.length <= 64 ? { ref: value.ref } : {}
}

function named<K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, string>>
}
