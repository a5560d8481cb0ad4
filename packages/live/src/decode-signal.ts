import type { Signal } from './port.ts'

type FieldsOf<T extends Signal['type']> = Exclude<keyof Extract<Signal, { readonly type: T }>, 'type'>

const isText = (value: unknown) => typeof value === 'string'
const isNumber = (value: unknown) => typeof value === 'number'
const isBoolean = (value: unknown) => typeof value === 'boolean'

const FIELDS: { readonly [T in Signal['type']]: Readonly<Record<FieldsOf<T>, (value: unknown) => boolean>> } =
  {
    presence: {
      userId: isText,
      online: isBoolean,
      rooms: (value) => Array.isArray(value) && value.every(isText),
      transition: isNumber,
    },
    typing: { roomId: isText, userId: isText, isTyping: isBoolean },
    readCursor: { roomId: isText, userId: isText, lastReadSeq: isNumber },
    memberRemoved: { roomId: isText, userId: isText, memberVersion: isNumber },
    memberAdded: { roomId: isText, userId: isText },
    roomChanged: { roomId: isText },
    sessionEnded: {
      userId: isText,
      sessionId: (value) => value === null || isText(value),
      deleted: isBoolean,
    },
  }

/** Undefined for what no adapter of this build sent: of a later build, or of somebody else on the same store. */
export function decodeSignal(payload: string): Signal | undefined {
  const value = parsed(payload)
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  const { type } = value
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) return undefined
  const checks = Object.entries(FIELDS[type as Signal['type']])
  const has = value as Readonly<Record<string, unknown>>
  return checks.every(([field, check]) => check(has[field])) ? (value as Signal) : undefined
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    return undefined
  }
}
