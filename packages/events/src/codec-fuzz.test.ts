import { FUZZ_RUNS, FUZZ_TIMEOUT_MS, modelRuns } from '@roomlog/testkit/model-runs'
import {
  comesBack,
  inheritedNames,
  lettersOf,
  oddBytes,
  oddJson,
  storable,
  ULID,
} from '@roomlog/testkit/odd-values'
import {
  type Arbitrary,
  assert as check,
  constantFrom,
  date,
  nat,
  oneof,
  property,
  record,
  string,
  uint8Array,
} from 'fast-check'
import { expect, test } from 'vitest'
import {
  createdAtOfFrame,
  type Decoded,
  decodeCreated,
  decodeRejected,
  encodeCreated,
  encodeRejected,
  frameOfPersisted,
} from './codec.ts'
import { addressOf, encodeDeadLetter } from './dead-letter.ts'
import { REJECTION_CODES } from './schemas.ts'

const runs = modelRuns(FUZZ_RUNS)

const clientMsgId = lettersOf('ABCXYZabcxyz019_-', 8, 64)
const iso = date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }).map(
  (it) => it.toISOString(),
)
const created = record({
  eventId: ULID,
  roomId: ULID,
  senderId: ULID,
  clientMsgId,
  body: storable(1, 2000),
  acceptedAt: iso,
  edgeId: string({ maxLength: 256 }).filter(({ length }) => length <= 256),
})
const rejected = record({ roomId: ULID, senderId: ULID, clientMsgId, code: constantFrom(...REJECTION_CODES) })
const message = record({
  id: ULID,
  roomId: ULID,
  seq: nat(),
  kind: constantFrom('message' as const),
  senderId: ULID,
  clientMsgId,
  body: storable(1, 100),
  createdAt: iso,
})
const version = oneof(constantFrom<unknown>(1, 1, 1, 0, 2, '2', 1.5, 1e300, null), nat())
const versioned = (event: Arbitrary<object>) =>
  record({ v: version, event }).map(({ v, event }) => ({ v, ...event }))
const bytesOf = (event: Arbitrary<object>) =>
  oneof(
    { weight: 9, arbitrary: oddBytes(oddJson(event)) },
    uint8Array({ maxLength: 200 }).map((it) => Buffer.from(it)),
  )

test(
  `what an edge writes is read as it was written: ${runs.numRuns} messages`,
  () => {
    const same = property(created, rejected, (one, other) => {
      expect(decodeCreated(encodeCreated(one).value)).toEqual({ kind: 'event', event: { v: 1, ...one } })
      expect(decodeRejected(encodeRejected(other).value)).toEqual({
        kind: 'event',
        event: { v: 1, ...other },
      })
    })
    void check(same, runs)
  },
  FUZZ_TIMEOUT_MS,
)

const DECODERS = [
  ['messages', decodeCreated, created],
  ['rejections', decodeRejected, rejected],
] as const

test.each(DECODERS)(
  `%s: whatever stands in the log is an event as documented, of a newer build, or bad: ${runs.numRuns} values`,
  (_name, decode, valid) => {
    const before = inheritedNames()
    const kinds = new Set<string>()
    const judged = property(bytesOf(versioned(valid)), (value) => {
      const decoded: Decoded<object> = decode(value)
      kinds.add(decoded.kind)
      const json = jsonOf(value)
      if (decoded.kind === 'bad') expect(decoded.reason.length).toBeLessThan(200)
      // Both are read out of whole JSON, whose version decides.
      if (decoded.kind === 'newer') expect(json).toMatchObject({ v: decoded.version })
      if (decoded.kind !== 'event') return
      expect(decoded.event).toEqual(withoutPrototype(json))
      judge(decoded.event as Readonly<Record<string, unknown>>)
      // As JSON has it: a number that is too large for one is none there.
      const again = decode(Buffer.from(JSON.stringify(decoded.event)))
      expect(JSON.stringify(again)).toBe(JSON.stringify(decoded))
    })
    void check(judged, runs)
    expect(inheritedNames()).toEqual(before)
    expect([...kinds].toSorted()).toEqual(['bad', 'event', 'newer'])
  },
  FUZZ_TIMEOUT_MS,
)

test(
  `what else is read of a value is found or not, and never throws: ${runs.numRuns} values`,
  () => {
    const persisted = record({ v: version, message })
    const value = oneof(bytesOf(persisted), bytesOf(versioned(created)))
    const judged = property(value, (value) => {
      const frame = frameOfPersisted(value)
      if (frame !== undefined) expect(frame.includes(value.subarray('{"v":1,"message":'.length))).toBe(true)
      const ms = createdAtOfFrame(frame ?? value)
      if (ms !== undefined) expect(Number.isSafeInteger(ms)).toBe(true)
      const address = addressOf(value)
      if (address !== undefined) judge(address)
      const letter = encodeDeadLetter({ key: null, headers: {}, value }, 'reason', {
        topic: 'created',
        partition: 0,
        offset: 1n,
      })
      expect(letter.value).toBe(value)
    })
    void check(judged, runs)
  },
  FUZZ_TIMEOUT_MS,
)

const ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const RULES: Readonly<Record<string, (text: string) => boolean>> = {
  eventId: (text) => ID.test(text),
  roomId: (text) => ID.test(text),
  senderId: (text) => ID.test(text),
  clientMsgId: (text) => /^[\w-]{8,64}$/.test(text),
  body: (text) => text.length > 0 && text.length <= 4000 && comesBack(text),
  acceptedAt: (text) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text)),
  edgeId: (text) => text.length <= 256,
  code: (text) => (REJECTION_CODES as readonly string[]).includes(text),
}

function judge(event: Readonly<Record<string, unknown>>): void {
  for (const [name, rule] of Object.entries(RULES)) {
    const value = Object.hasOwn(event, name) ? event[name] : undefined
    if (value !== undefined && (typeof value !== 'string' || !rule(value)))
      expect.fail(`${name}: ${JSON.stringify(value)}`)
  }
}

/** The one field that does not pass through. */
function withoutPrototype(json: unknown): object {
  return Object.fromEntries(Object.entries(json ?? {}).filter(([name]) => name !== '__proto__'))
}

function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
  } catch {
    return undefined
  }
}
