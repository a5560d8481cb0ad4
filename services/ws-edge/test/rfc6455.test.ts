import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeFrame, fragments, OPCODES, RawSocket, rawFrame } from './raw-socket.ts'
import { type RunningEdge, tokenFor, World } from './support.ts'

const MAX_FRAME_BYTES = 32_768
const heartbeat = (ref: string) => `{"type":"heartbeat","ref":"${ref}"}`
const padded = (bytes: number) => heartbeat('full').padEnd(bytes, ' ')
const bytes = (...values: readonly number[]) => Buffer.from(values)
/** Within a string of a frame, so that nothing but the bytes is wrong. */
const quoted = (inner: Buffer) =>
  Buffer.concat([Buffer.from('{"type":"heartbeat","ref":"'), inner, Buffer.from('"}')])
const ping = (payload: string) => rawFrame(payload, { opcode: OPCODES.ping })
const frame = rawFrame(heartbeat('it'))
const AFTER = rawFrame(heartbeat('after'))
const SERVED = 'heartbeatAck after'

type Row = readonly [name: string, ...sent: readonly Buffer[]]

const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]
const CONTROLS = Object.entries(OPCODES).filter(([, opcode]) => opcode >= OPCODES.close)
const INVALID_CLOSE_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
const VALID_CLOSE_CODES = [1000, 1001, 1002, 1003, 1007, 1011, 3000, 4999]

const PROTOCOL_ERRORS: readonly Row[] = [
  ['an unmasked text', rawFrame(heartbeat('it'), { masked: false })],
  ['an unmasked empty text', rawFrame('', { masked: false })],
  ['an unmasked ping', rawFrame('', { masked: false, opcode: OPCODES.ping })],
  ['an unmasked close', closeFrame(1000, '', { masked: false })],
  ['an unmasked fragment behind a masked one', rawFrame('{', { fin: false }), bytes(0x80, 0x01, 0x7d)],
  ...[1, 2, 4, 7].map((rsv): Row => [`reserved bits ${rsv}`, rawFrame(heartbeat('it'), { rsv })]),
  ['a reserved bit on a ping', rawFrame('', { rsv: 4, opcode: OPCODES.ping })],
  ['a reserved bit on a later fragment', rawFrame('{', { fin: false }), rawFrame('}', { rsv: 4, opcode: 0 })],
  ...RESERVED_OPCODES.map((opcode): Row => [`opcode ${opcode}`, rawFrame('', { opcode })]),
  ...CONTROLS.map(([name, opcode]): Row => [`a fragmented ${name}`, rawFrame('', { opcode, fin: false })]),
  ...CONTROLS.map(([name, opcode]): Row => [`a ${name} of 126`, rawFrame(Buffer.alloc(126, 3), { opcode })]),
  ['a ping whose length is not written the least way', rawFrame('', { opcode: OPCODES.ping, lengthIn: 2 })],
  ['a ping that claims 2^63-1', rawFrame('', { opcode: OPCODES.ping, claimed: 2n ** 63n - 1n })],
  ['a continuation of nothing', rawFrame(heartbeat('it'), { opcode: OPCODES.continuation })],
  ['a continuation of a message that is whole', frame, rawFrame('', { opcode: OPCODES.continuation })],
  ['a new text within a fragmented one', rawFrame('{', { fin: false }), frame],
  ['a binary within a fragmented text', rawFrame('{', { fin: false }), rawFrame('', { opcode: 2 })],
  ['a close of one byte', rawFrame(bytes(3), { opcode: OPCODES.close })],
  ...INVALID_CLOSE_CODES.map((code): Row => [`a close with ${code}`, closeFrame(code)]),
  ['HTTP where frames are due', Buffer.from('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')],
]

const NOT_UTF8: readonly (readonly [name: string, inner: Buffer])[] = [
  ['a lone continuation byte', bytes(0x80)],
  ['a lead byte alone', bytes(0xc3)],
  ['overlong of two bytes', bytes(0xc0, 0xaf)],
  ['overlong NUL', bytes(0xc0, 0x80)],
  ['overlong of three bytes', bytes(0xe0, 0x80, 0xaf)],
  ['overlong of four bytes', bytes(0xf0, 0x80, 0x80, 0xaf)],
  ['a high surrogate', bytes(0xed, 0xa0, 0x80)],
  ['a low surrogate', bytes(0xed, 0xbf, 0xbf)],
  ['a pair of surrogates', bytes(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)],
  ['beyond U+10FFFF', bytes(0xf4, 0x90, 0x80, 0x80)],
  ['five bytes', bytes(0xf8, 0x88, 0x80, 0x80, 0x80)],
  ['six bytes', bytes(0xfc, 0x84, 0x80, 0x80, 0x80, 0x80)],
  ['cut short', bytes(0xe2, 0x82)],
  ['FE', bytes(0xfe)],
  ['FF', bytes(0xff)],
  ['UTF-16', Buffer.from('\ufeffab', 'utf16le')],
]
const EMOJI = Buffer.from('😀')

const INVALID_UTF8: readonly Row[] = [
  ...NOT_UTF8.map(([name, inner]): Row => [name, rawFrame(quoted(inner))]),
  ...NOT_UTF8.map(
    ([name, inner]): Row => [`${name}, in fragments`, ...fragments([...inner].map((it) => bytes(it)))],
  ),
  ['a character whose second half never comes', ...fragments([EMOJI.subarray(0, 2), ''])],
  ['a reason of a close', closeFrame(1000, bytes(0xc3, 0x28))],
]

const TOO_BIG: readonly Row[] = [
  ['one byte more', rawFrame(padded(MAX_FRAME_BYTES + 1))],
  ['one byte more, in two fragments', ...fragments([padded(MAX_FRAME_BYTES), ' '])],
  ['one byte more, over a ping', ...overPing(padded(MAX_FRAME_BYTES), ' ')],
  // Nothing of what they claim is sent, and nothing is waited for.
  ...[BigInt(MAX_FRAME_BYTES) + 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n].map(
    (claimed): Row => [`a claim of ${claimed}`, rawFrame('', { claimed })],
  ),
  ['a claim of 2^63, which is no length', rawFrame('', { claimed: 2n ** 63n })],
  ['a claim of 2^64-1, which is no length', rawFrame('', { claimed: 2n ** 64n - 1n })],
  ['a claim by a binary', rawFrame('', { opcode: OPCODES.binary, claimed: 2n ** 40n })],
  [
    'a claim by a second fragment',
    rawFrame('{', { fin: false }),
    rawFrame('', { opcode: 0, claimed: 2n ** 40n }),
  ],
]

const BINARY: readonly Row[] = [
  ['JSON', rawFrame(heartbeat('it'), { opcode: OPCODES.binary })],
  ['empty', rawFrame('', { opcode: OPCODES.binary })],
  ['of zeros', rawFrame(Buffer.alloc(MAX_FRAME_BYTES), { opcode: OPCODES.binary })],
  ['fragmented', ...fragments(['{', '}'], OPCODES.binary)],
]

/** With what is answered before the end, where a well-behaved client waits for it. */
const LEGAL: readonly (readonly [name: string, sent: readonly Buffer[], answers: readonly string[]])[] = [
  ['a text', [frame], ['heartbeatAck it']],
  ['a text of the full size', [rawFrame(padded(MAX_FRAME_BYTES))], ['heartbeatAck full']],
  [
    'the full size, in 64 fragments',
    fragments(padded(MAX_FRAME_BYTES).match(/.{512}/g) ?? []),
    ['heartbeatAck full'],
  ],
  ['fragments of nothing among others', fragments(['', '', heartbeat('it'), '', '']), ['heartbeatAck it']],
  ['a character over three fragments', fragments([...quotedEmoji()]), ['heartbeatAck 😀']],
  [
    'pings among fragments',
    [...overPing('{"type":"heartbeat",', '"ref":"it"}')],
    ['pong between', 'heartbeatAck it'],
  ],
  ['pongs that nobody asked for', [rawFrame('x', { opcode: OPCODES.pong })], []],
  ['an empty ping', [ping('')], ['pong']],
  ['a ping of 125', [ping('x'.repeat(125))], [`pong ${'x'.repeat(125)}`]],
  ['an empty text, which is no frame of ours', [rawFrame('')], ['error bad_frame']],
  ['an empty text of three fragments', fragments(['', '', '']), ['error bad_frame']],
  ['a byte order mark', [rawFrame(`\ufeff${heartbeat('it')}`)], ['error bad_frame']],
  ['a noncharacter', [rawFrame(heartbeat('\uffff'))], ['heartbeatAck \uffff']],
  [
    'a length in two bytes where seven bits hold it',
    [rawFrame(heartbeat('it'), { lengthIn: 2 })],
    ['heartbeatAck it'],
  ],
  ['a length in eight bytes', [rawFrame(heartbeat('it'), { lengthIn: 8 })], ['heartbeatAck it']],
]

suiteOn(['postgres'], 'RFC 6455, on the wire', () => {
  const resources = new AsyncDisposableStack()
  let edge: RunningEdge
  let userId: string

  beforeAll(async () => {
    const world = resources.use(await World.start('embedded'))
    edge = resources.use(await world.edge({}, { handshakes: { perSecond: 10_000, burst: 10_000 } }))
    userId = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  /** What a client is answered that sends this behind its handshake, and then a heartbeat. */
  async function answers(sent: readonly Buffer[], { together = false } = {}): Promise<readonly string[]> {
    using socket = await RawSocket.open(Number(new URL(edge.url).port))
    const behind = Buffer.concat([...sent, AFTER])
    const request = Buffer.from(RawSocket.handshake(tokenFor(userId)))
    socket.write(together ? Buffer.concat([request, behind]) : request)
    expect(await socket.head()).toMatch(/^HTTP\/1\.1 101 /)
    const first = await socket.answers('welcome')
    if (!together) socket.write(behind)
    return [...first, ...(await socket.answers(SERVED))]
  }

  describe.each([
    ['breaks the protocol', 1002, PROTOCOL_ERRORS],
    ['is not UTF-8', 1007, INVALID_UTF8],
    ['is too big', 1009, TOO_BIG],
    ['is binary', 1003, BINARY],
    ['comes in more than 64 fragments', 1008, [['65', ...fragments(Array(65).fill(' '))] satisfies Row]],
  ] as const)('what %s closes with %d', (_why, code, rows) => {
    test.each(rows.map(([name, ...sent]) => [name, sent] as const))('%s', async (_name, sent) => {
      const said = await answers(sent)
      const refused = said.filter((it) => it !== 'heartbeatAck it' && it !== 'pong between')
      expect(refused).toEqual(['welcome', `close ${code}`, 'end'])
    })
  })

  describe('what is legal is served', () => {
    test.each(LEGAL)('%s', async (_name, sent, answered) => {
      expect(await answers(sent)).toEqual(['welcome', ...answered, SERVED])
    })
  })

  describe('a close is echoed, and what is behind it is not looked at', () => {
    test.each(VALID_CLOSE_CODES)('%d', async (code) => {
      const sent = [closeFrame(code, 'because'), frame, closeFrame(1002), rawFrame('', { rsv: 7 })]
      expect(await answers(sent)).toEqual(['welcome', `close ${code}`, 'end'])
    })

    test('without a code', async () => {
      const sent = [rawFrame('', { opcode: OPCODES.close }), frame]
      expect(await answers(sent)).toEqual(['welcome', 'close', 'end'])
    })
  })

  describe('in the packet of the handshake', () => {
    test('frames are served, in order', async () => {
      const refs = Array.from({ length: 60 }, (_, i) => `${i}`)
      const sent = refs.map((ref) => rawFrame(heartbeat(ref)))
      const acks = refs.map((ref) => `heartbeatAck ${ref}`)
      expect(await answers(sent, { together: true })).toEqual(['welcome', ...acks, SERVED])
    })

    test('a broken rule closes as ever', async () => {
      const said = await answers([rawFrame('', { opcode: 3 }), frame], { together: true })
      expect(said).toEqual(['welcome', 'close 1002', 'end'])
    })

    test('a flood closes, and is not answered frame by frame', async () => {
      const said = await answers(Array(20_000).fill(frame), { together: true })
      expect(said.slice(-2)).toEqual(['close 4429', 'end'])
      expect(said.length).toBeLessThan(1000)
    })
  })

  test('after all that the edge serves as before', async () => {
    await using client = await edge.client(userId)
    client.send({ type: 'heartbeat', ref: 'alive' })
    expect(await client.next('heartbeatAck')).toMatchObject({ ref: 'alive' })
    await expect
      .poll(async () => (await edge.app.inject({ url: '/metrics' })).body)
      .toContain('roomlog_edge_connections 1\n')
  })
})

/** A text of two fragments with a ping between them. */
function overPing(first: string, second: string): readonly Buffer[] {
  const [head = expect.fail(), tail = expect.fail()] = fragments([first, second])
  return [head, ping('between'), tail]
}

function quotedEmoji(): readonly Buffer[] {
  const whole = quoted(EMOJI)
  const at = whole.indexOf(EMOJI)
  return [whole.subarray(0, at + 1), whole.subarray(at + 1, at + 3), whole.subarray(at + 3)]
}
