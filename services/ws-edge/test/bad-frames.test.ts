import { type ClientFrameType, DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import { suiteOn, type TestClient } from '@roomlog/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningEdge, World } from './support.ts'

const ID = newId()
const NUL = 'a\0b'
const LONE = ['\ud800', 'a\udc00b', '\udc00\ud800']
const NO_TEXT: readonly unknown[] = [null, 1, true, [], {}, ['x'], { toString: 'x' }]
const NO_FLAG = [null, 0, 1, 'true', '', [], {}]
const NO_ID = [
  ...NO_TEXT,
  '',
  'x',
  ID.slice(1),
  `${ID}0`,
  ID.toLowerCase(),
  `8${ID.slice(1)}`,
  `${ID}\n`,
  `${ID.slice(1)}I`,
  NUL,
  ...LONE,
  '__proto__',
  "' OR 1=1 --",
]
const NO_SEQ = [null, '1', true, [], {}, -1, 1.5, -0.5, 2 ** 53, 1e308, -(2 ** 53)]
const NO_CLIENT_MSG_ID = [
  ...NO_TEXT,
  '',
  'short12',
  'x'.repeat(65),
  'with space',
  'umlaut_ä',
  NUL,
  ...LONE,
  'a/b.c:d;',
]
const NO_BODY = [
  ...NO_TEXT,
  '',
  NUL,
  '\0',
  ...LONE,
  'x'.repeat(DEFAULT_LIMITS.maxBody + 1),
  '😀'.repeat(DEFAULT_LIMITS.maxBody / 2 + 1),
]
const NO_ROOMS = [
  null,
  1,
  'x',
  {},
  [],
  [null],
  [[]],
  [{}],
  [{ roomId: 'x' }],
  [{ roomId: ID, afterSeq: -1 }],
  [{ roomId: ID }, { roomId: 7 }],
  { length: 1, 0: { roomId: ID } },
  Array.from({ length: DEFAULT_LIMITS.maxRoomsPerJoin + 1 }, () => ({ roomId: ID })),
]
const NO_REF = [...NO_TEXT, 'x'.repeat(65), '😀'.repeat(33)]
const MISSING = undefined

type Fields = Readonly<Record<string, readonly unknown[]>>

/** By the table of frames: a whole one of each type, and what its fields must not be. */
const TABLE: Readonly<Record<ClientFrameType, readonly [whole: object, bad: Fields]>> = {
  joinRoom: [
    { roomId: ID, afterSeq: 0 },
    { roomId: [MISSING, ...NO_ID], afterSeq: NO_SEQ, ref: NO_REF },
  ],
  joinRooms: [{ rooms: [{ roomId: ID }] }, { rooms: [MISSING, ...NO_ROOMS], ref: NO_REF }],
  leaveRoom: [{ roomId: ID }, { roomId: [MISSING, ...NO_ID], ref: NO_REF }],
  sendMessage: [
    { roomId: ID, clientMsgId: 'abcdefgh', body: 'hello', repeat: true },
    {
      roomId: [MISSING, ...NO_ID],
      clientMsgId: [MISSING, ...NO_CLIENT_MSG_ID],
      body: [MISSING, ...NO_BODY],
      repeat: NO_FLAG,
      ref: NO_REF,
    },
  ],
  heartbeat: [{}, { ref: NO_REF }],
  typing: [
    { roomId: ID, isTyping: true },
    { roomId: [MISSING, ...NO_ID], isTyping: [MISSING, ...NO_FLAG], ref: NO_REF },
  ],
  authenticate: [{ token: 'x' }, { token: [MISSING, ...NO_TEXT, 'x'.repeat(8193)], ref: NO_REF }],
}

const rows = Object.entries(TABLE).flatMap(([type, [whole, bad]]) =>
  Object.entries(bad).flatMap(([field, values]) =>
    values.map((value) => [type, field, shown(value), { ...whole, type, [field]: value }] as const),
  ),
)

/** Numbers as only JSON's text has them. */
const NUMBERS = [
  ['1e2', true],
  ['1.0', true],
  ['-0', true],
  ['9007199254740991', true],
  ['9007199254740992', false],
  ['9223372036854775808', false],
  ['1e400', false],
  ['-1e-9', false],
  ['9'.repeat(400), false],
] as const

const NO_FRAMES = [
  '',
  ' ',
  '{',
  '}',
  '{}',
  'null',
  'true',
  '1',
  '"joinRoom"',
  '[]',
  '[{"type":"heartbeat"}]',
  '{"type":null}',
  '{"type":7}',
  '{"type":["heartbeat"]}',
  '{"type":"Heartbeat"}',
  '{"type":"heartbeat "}',
  '{"type":"__proto__"}',
  '{"type":"toString"}',
  '{"__proto__":{"type":"heartbeat"}}',
  '{"constructor":{"type":"heartbeat"}}',
  '{"type":"heartbeat",}',
  "{'type':'heartbeat'}",
  '{"type":"heartbeat"}{"type":"heartbeat"}',
  '{"type":"heartbeat","type":"fly"}',
  '\u00a0{"type":"heartbeat"}',
  '{"type":"heartbeat"}\0',
  '['.repeat(30_000),
  '{"a":'.repeat(6000),
  `{"type":"${'x'.repeat(30_000)}"}`,
  `{"n":${'9'.repeat(30_000)}}`,
] as const

const EXTRA = [
  '"unknown":1',
  '"__proto__":{"isAdmin":true}',
  '"constructor":{"prototype":{"isAdmin":true}}',
  '"":null',
  '"toString":1',
  '"userId":"somebody"',
  `"deep":${'['.repeat(5000)}${']'.repeat(5000)}`,
]

suiteOn(['postgres'], 'a bad frame', () => {
  const resources = new AsyncDisposableStack()
  let edge: RunningEdge
  let userId: string
  let client: TestClient

  beforeAll(async () => {
    const world = resources.use(await World.start('embedded'))
    const limits = { ...DEFAULT_LIMITS, framesPerSecond: 100_000 }
    edge = resources.use(await world.edge({}, { limits, handshakes: { perSecond: 10_000, burst: 10_000 } }))
    userId = await world.newUser()
    client = resources.use(await edge.client(userId))
  })
  beforeEach(() => {
    expect(client.socket.readyState).toBe(client.socket.OPEN)
  })
  afterAll(() => resources.disposeAsync())

  /** The answer to a frame, and to the heartbeat behind it. */
  async function answersTo(it: TestClient, text: string): Promise<readonly object[]> {
    const before = it.frames.length
    const ref = newId()
    it.send(text)
    it.send({ type: 'heartbeat', ref })
    await it.next((frame) => frame.type === 'heartbeatAck' && frame.ref === ref)
    return it.frames.slice(before, -1)
  }

  describe('of a known type is refused by its fields, once, and the socket stays', () => {
    test.each(rows)('%s with %s %s', async (type, field, _shown, frame) => {
      const answers = await answersTo(client, JSON.stringify(frame))
      // A send is answered by an ack wherever it can be named.
      const isNamed = type === 'sendMessage' && field !== 'roomId' && field !== 'clientMsgId'
      expect(answers).toEqual([
        expect.objectContaining(
          isNamed
            ? {
                type: 'ack',
                roomId: ID,
                clientMsgId: 'abcdefgh',
                status: 'FAILED',
                code: 'validation_failed',
                retryable: false,
              }
            : { type: 'error', code: 'validation_failed', retryable: false },
        ),
      ])
    })
  })

  test.each(NUMBERS)('afterSeq %s is a seq: %s', async (text, isSeq) => {
    const answers = await answersTo(client, `{"type":"joinRoom","roomId":"${ID}","afterSeq":${text}}`)
    const refusals = answers.filter((answer) => 'code' in answer && answer.code === 'validation_failed')
    expect(refusals).toHaveLength(isSeq ? 0 : 1)
    // The room is not there, which is looked up.
    if (isSeq) await client.next(({ code }) => code === 'room_not_found')
  })

  describe('that is none', () => {
    test.each(NO_FRAMES.map((text) => [shown(text), text]))('%s', async (_shown, text) => {
      await using other = await edge.client(userId)
      expect(await answersTo(other, text)).toEqual([
        expect.objectContaining({ type: 'error', code: 'bad_frame', retryable: false }),
      ])
    })
  })

  describe('that has more than it should is served, and what is more changes nothing', () => {
    test.each(EXTRA.map((json) => [shown(json), json]))('%s', async (_shown, json) => {
      const answers = await answersTo(client, `{"type":"heartbeat","ref":"it",${json}}`)
      expect(answers).toEqual([{ type: 'heartbeatAck', ref: 'it' }])
      expect({}).not.toHaveProperty('isAdmin')
    })
  })
})

function shown(value: unknown): string {
  const text = value === MISSING ? 'missing' : JSON.stringify(value)
  return text.length > 50 ? `${text.slice(0, 40)}… (${text.length})` : text
}
