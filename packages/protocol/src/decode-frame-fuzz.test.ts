import { FUZZ_RUNS, FUZZ_TIMEOUT_MS, modelRuns } from '@roomlog/testkit/model-runs'
import { comesBack, inheritedNames, lettersOf, oddJson, storable, ULID } from '@roomlog/testkit/odd-values'
import {
  type Arbitrary,
  array,
  boolean,
  assert as check,
  constant,
  maxSafeNat,
  oneof,
  property,
  record,
  string,
} from 'fast-check'
import { expect, test } from 'vitest'
import { decodeClientFrame } from './decode-frame.ts'
import { type ClientFrame, type ClientFrameType, clientFrameSchemas } from './frames.ts'
import { DEFAULT_LIMITS } from './limits.ts'

const schemas = clientFrameSchemas(DEFAULT_LIMITS)
const decode = (text: string) => decodeClientFrame(schemas, text)
const runs = modelRuns(FUZZ_RUNS)

const CLIENT_MSG_ID = lettersOf('ABCXYZabcxyz019_-', 8, 64)
const ref = string({ unit: 'binary', maxLength: 64 }).filter(({ length }) => length <= 64)
const position = { roomId: ULID, afterSeq: maxSafeNat() }
const optional = { requiredKeys: ['roomId'] } as { requiredKeys: ['roomId'] }

function frameOf<T extends object>(type: ClientFrameType, fields: Arbitrary<T>): Arbitrary<object> {
  const named = fields.map((it) => ({ type, ...it }))
  return oneof(
    named,
    record({ named, ref }).map(({ named, ref }) => ({ ...named, ref })),
  )
}

const FRAMES: Readonly<Record<ClientFrameType, Arbitrary<object>>> = {
  joinRoom: frameOf('joinRoom', record(position, optional)),
  joinRooms: frameOf(
    'joinRooms',
    record({ rooms: array(record(position, optional), { minLength: 1, maxLength: 3 }) }),
  ),
  leaveRoom: frameOf('leaveRoom', record({ roomId: ULID })),
  sendMessage: frameOf(
    'sendMessage',
    record({
      roomId: ULID,
      clientMsgId: CLIENT_MSG_ID,
      body: oneof(storable(1, 2000), constant('é'.repeat(DEFAULT_LIMITS.maxBody))),
      repeat: boolean(),
    }),
  ),
  heartbeat: frameOf('heartbeat', constant({})),
  typing: frameOf('typing', record({ roomId: ULID, isTyping: boolean() })),
  authenticate: frameOf('authenticate', record({ token: string({ maxLength: 300 }) })),
}
const frame = oneof(...Object.values(FRAMES))

test(
  `what fits the table of frames is taken, and nothing else of it changed: ${runs.numRuns} frames`,
  () => {
    const taken = property(frame, (it) => {
      expect(decode(JSON.stringify({ ...it, unknown: 1 }))).toEqual({ kind: 'frame', frame: it })
    })
    void check(taken, runs)
  },
  FUZZ_TIMEOUT_MS,
)

test(
  `whatever comes is taken as documented or refused, and leaves nothing behind: ${runs.numRuns} texts`,
  () => {
    const before = inheritedNames()
    const kinds = new Map<string, number>()
    const judged = property(oneof(oddJson(frame), string({ unit: 'binary' })), (text) => {
      const decoded = decode(text)
      kinds.set(decoded.kind, (kinds.get(decoded.kind) ?? 0) + 1)
      if (decoded.kind === 'frame') {
        judge(decoded.frame, JSON.parse(text))
        expect(JSON.stringify(decode(JSON.stringify(decoded.frame)))).toBe(JSON.stringify(decoded))
      } else {
        judgeRefusal(decoded, text)
      }
    })
    void check(judged, runs)
    expect(inheritedNames()).toEqual(before)
    // Otherwise something of it is tried no more.
    expect([...kinds.keys()].toSorted()).toEqual(['bad_frame', 'frame', 'invalid'])
  },
  FUZZ_TIMEOUT_MS,
)

const ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  type: (value) => Object.hasOwn(FRAMES, String(value)),
  ref: (value) => typeof value === 'string' && value.length <= 64,
  roomId: (value) => typeof value === 'string' && ID.test(value),
  afterSeq: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  clientMsgId: (value) => typeof value === 'string' && /^[\w-]{8,64}$/.test(value),
  body: (value) =>
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= DEFAULT_LIMITS.maxBody &&
    comesBack(value),
  repeat: (value) => typeof value === 'boolean',
  isTyping: (value) => typeof value === 'boolean',
  token: (value) => typeof value === 'string' && value.length <= 8192,
  rooms: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= DEFAULT_LIMITS.maxRoomsPerJoin &&
    value.every((room) => areAsDocumented(room, ['roomId', 'afterSeq'])),
}

function areAsDocumented(object: object, names = Object.keys(FIELDS)): boolean {
  const entries = Object.entries(object)
  return entries.every(([name, value]) => names.includes(name) && FIELDS[name]?.(value) === true)
}

function judge(frame: ClientFrame, sent: Readonly<Record<string, unknown>>): void {
  expect(Object.getPrototypeOf(frame)).toBe(Object.prototype)
  if (!areAsDocumented(frame)) expect.fail(JSON.stringify(frame))
  for (const [name, value] of Object.entries(frame)) if (name !== 'rooms') expect(value).toBe(sent[name])
}

/** Names of fields and rules, and ids that are ids: a refusal tells nobody what was sent. */
function judgeRefusal(decoded: ReturnType<typeof decode>, text: string): void {
  const { kind, message, ...told } = decoded as Readonly<Record<string, string>>
  expect(Object.keys(told).filter((name) => FIELDS[name] === undefined)).toEqual([])
  expect(areAsDocumented(told)).toBe(true)
  expect(message?.length).toBeLessThan(200)
  if (Object.keys(told).length > 0) expect(JSON.parse(text)).toMatchObject(told)
  expect(kind === 'bad_frame' || kind === 'invalid').toBe(true)
}
