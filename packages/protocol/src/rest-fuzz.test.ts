import { FUZZ_RUNS, FUZZ_TIMEOUT_MS, modelRuns } from '@roomlog/testkit/model-runs'
import {
  comesBack,
  inheritedNames,
  lettersOf,
  ODD_TEXT,
  oddJson,
  storable,
  ULID,
} from '@roomlog/testkit/odd-values'
import { assert as check, constantFrom, oneof, property, record, string } from 'fast-check'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import {
  addMemberBodySchema,
  changePasswordBodySchema,
  changeRoleBodySchema,
  createRoomBodySchema,
  deleteMeBodySchema,
  loginBodySchema,
  publicRoomsCursor,
  publicRoomsCursorSchema,
  readBodySchema,
  refreshTokenBodySchema,
  registerBodySchema,
  updateMeBodySchema,
  updateRoomBodySchema,
} from './index.ts'

const runs = modelRuns(FUZZ_RUNS)

const username = lettersOf('ABab01_', 3, 32)
const password = storable(8, 100)
const displayName = storable(1, 60).map((name) => `x${name}`)
const name = oneof(
  displayName,
  displayName.map((it) => `\t ${it}\n`),
)
const visibility = constantFrom('public', 'private')

const BODIES = {
  register: [
    registerBodySchema,
    record({ username, password, displayName }, { requiredKeys: ['username', 'password'] }),
  ],
  login: [loginBodySchema, record({ username, password })],
  refreshToken: [refreshTokenBodySchema, record({ refreshToken: string({ maxLength: 256 }) })],
  updateMe: [updateMeBodySchema, record({ displayName: name })],
  deleteMe: [deleteMeBodySchema, record({ password })],
  changePassword: [changePasswordBodySchema, record({ currentPassword: password, newPassword: password })],
  createRoom: [createRoomBodySchema, record({ name, visibility }, { requiredKeys: ['name'] })],
  updateRoom: [updateRoomBodySchema, record({ name, visibility }, { requiredKeys: ['name'] })],
  addMember: [addMemberBodySchema, record({ username })],
  changeRole: [changeRoleBodySchema, record({ role: constantFrom('owner', 'member') })],
  read: [readBodySchema, record({ lastReadMessageId: ULID })],
} as const

const NAMES = [
  'username',
  'password',
  'displayName',
  'refreshToken',
  'currentPassword',
  'newPassword',
  'name',
]
/** In UTF-16 units; a password that is compared alone may be longer than one that is set. */
const LONGEST: Readonly<Record<string, number>> = {
  username: 64,
  displayName: 64,
  name: 100,
  newPassword: 1024,
}
const ANY_TEXT = 2048
const FIELDS = new Set([...NAMES, 'visibility', 'role', 'lastReadMessageId'])

test.each(Object.entries(BODIES))(
  `%s: a body is taken as documented or refused: ${runs.numRuns} bodies`,
  (_name, [schema, valid]) => {
    const before = inheritedNames()
    const outcomes = new Set<boolean>()
    const judged = property(oddJson(valid), (text) => {
      const sent = parse(text)
      const { success, data } = (schema as z.ZodType).safeParse(sent)
      outcomes.add(success)
      if (success) judge(data as Readonly<Record<string, unknown>>, sent as Readonly<Record<string, unknown>>)
      if (success) expect(schema.parse(data)).toEqual(data)
    })
    void check(judged, runs)
    expect(inheritedNames()).toEqual(before)
    expect(outcomes.size).toBe(2)
  },
  FUZZ_TIMEOUT_MS,
)

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** No field more than documented, none of another type than it was sent as, and each such that it comes back. */
function judge(taken: Readonly<Record<string, unknown>>, sent: Readonly<Record<string, unknown>>): void {
  expect(Object.keys(sent).filter((name) => !FIELDS.has(name))).toEqual([])
  for (const [name, value] of Object.entries(taken)) {
    if (name === 'visibility' && !Object.hasOwn(sent, name)) continue
    expect(typeof value).toBe(typeof sent[name])
    expect(readingsOf(name, String(sent[name]))).toContain(value)
    if (name !== 'refreshToken' && !comesBack(String(value))) expect.fail(JSON.stringify(value))
    expect(String(value).length).toBeLessThanOrEqual(LONGEST[name] ?? ANY_TEXT)
  }
}

/** Names of things are trimmed; those of accounts folded, but where one logs in with any. */
function readingsOf(field: string, text: string): readonly string[] {
  if (field === 'name' || field === 'displayName') return [text.trim()]
  return field === 'username' && /^\w{3,32}$/.test(text) ? [text.toLowerCase(), text] : [text]
}

test(
  `the cursor of the public list carries any name, ${runs.numRuns} of them`,
  () => {
    const position = record({ id: ULID, name: storable(0, 100).filter(({ length }) => length <= 100) })
    const carried = property(position, (it) => {
      expect(publicRoomsCursorSchema.parse(publicRoomsCursor(it))).toEqual(it)
    })
    void check(carried, runs)
  },
  FUZZ_TIMEOUT_MS,
)

test(
  `the cursor of the public list is a place in it or refused: ${runs.numRuns} texts`,
  () => {
    const place = record({ id: ULID, name: ODD_TEXT }).map(publicRoomsCursor)
    const base64 = ODD_TEXT.map((text) => Buffer.from(text).toString('base64url'))
    const text = oneof(
      place,
      base64,
      ODD_TEXT,
      record({ place, ODD_TEXT }).map((it) => it.place.slice(1) + it.ODD_TEXT),
    )
    const judged = property(text, (cursor) => {
      const { data, error } = publicRoomsCursorSchema.safeParse(cursor)
      if (data === undefined) {
        expect(error?.issues.length).toBeGreaterThan(0)
        return
      }
      expect(data.id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
      expect(data.name.length).toBeLessThanOrEqual(100)
      if (!comesBack(data.name)) expect.fail(JSON.stringify(data))
      expect(publicRoomsCursorSchema.parse(publicRoomsCursor(data))).toEqual(data)
    })
    void check(judged, runs)
  },
  FUZZ_TIMEOUT_MS,
)
