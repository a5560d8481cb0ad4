import { maskedText } from '../../raw-websocket.ts'
import { ADDRESSES, addressOf, attack, every, type Ground, RAMP_MS } from '../attack.ts'
import { countRefusals, Peer, type PeerOptions } from '../peer.ts'
import { type Attackers, attackersOf } from '../people.ts'

const SOCKETS_EACH = 20
const USERS = 5
/** A little below what closes a socket. */
const FRAMES_PER_TICK = 9
const TICK_MS = 100
const LISTENERS = 300

/** `each`: sockets of one user. */
export function peersOf(
  ground: Ground,
  tokens: readonly string[],
  each: number,
  {
    addresses = ADDRESSES,
    ...options
  }: Omit<PeerOptions, 'index' | 'token'> & { readonly addresses?: number },
): readonly Peer[] {
  return tokens.flatMap((token, user) =>
    Array.from({ length: each }, (_, k) => {
      const index = user * each + k
      return new Peer(ground, {
        index,
        token,
        address: addressOf(index % addresses),
        afterMs: index * RAMP_MS,
        comesAgain: true,
        ...options,
      })
    }),
  )
}

/** Each peer writes `FRAMES_PER_TICK` in every tick, or more. */
export function flood(
  { over }: Ground,
  peers: readonly Peer[],
  frame: () => Buffer,
  frames = FRAMES_PER_TICK,
): void {
  every(TICK_MS, over, () => {
    for (const peer of peers) for (let i = 0; i < frames; i += 1) peer.write(frame())
  })
}

export const heartbeats = attack<Attackers>({
  id: 'heartbeats',
  what: `${USERS} users on ${SOCKETS_EACH} sockets each, 90 frames/s a socket, and as many bursts of 1000`,
  on: 'ws-edge',
  expected: ['closed 4429'],
  prepare: (field) => attackersOf(field, { users: USERS * 2, rooms: 1, membersEach: 1 }),
  run: (ground, { tokens }) => {
    const beat = maskedText('{"type":"heartbeat"}')
    flood(ground, peersOf(ground, tokens.slice(0, USERS), SOCKETS_EACH, {}), () => beat)
    const burst = Buffer.concat(Array(1000).fill(beat))
    peersOf(ground, tokens.slice(USERS), SOCKETS_EACH, { opened: (peer) => peer.write(burst, 1000) })
  },
})

export const typing = attack<Attackers>({
  id: 'typing',
  what: `one user on ${SOCKETS_EACH} sockets, 90 typing frames/s each, in a room that ${LISTENERS} listen to`,
  on: 'ws-edge',
  expected: [],
  prepare: (field) => attackersOf(field, { users: LISTENERS + 1, rooms: 1, membersEach: LISTENERS + 1 }),
  run: (ground, { tokens: [typist = '', ...listeners], rooms: [roomId = ''] }) => {
    const join = maskedText(JSON.stringify({ type: 'joinRoom', roomId }))
    const opened = (peer: Peer) => peer.write(join)
    peersOf(ground, listeners, 1, { opened, addresses: 250 })
    let isTyping = false
    flood(ground, peersOf(ground, [typist], SOCKETS_EACH, { opened }), () => {
      isTyping = !isTyping
      return maskedText(JSON.stringify({ type: 'typing', roomId, isTyping }))
    })
  },
})

const PEERS = 40
const FRAGMENTS = 16_000
const [TEXT, CONTINUATION, FIN, ONE_MASKED] = [0x1, 0x0, 0x80, 0x81] as const
const ZEROS_MASK = [0x5a, 0x3c, 0x71, 0x96] as const

/** A text message of so many fragments, a byte each. */
function fragmented(fragments: number): Buffer {
  const one = (first: number) => [first, ONE_MASKED, ...ZEROS_MASK, 0x20 ^ ZEROS_MASK[0]]
  return Buffer.from(
    Array.from({ length: fragments }, (_, i) =>
      one((i === 0 ? TEXT : CONTINUATION) | (i === fragments - 1 ? FIN : 0)),
    ).flat(),
  )
}

export const fragments = attack<Attackers>({
  id: 'fragments',
  what: `${PEERS} peers, messages of ${FRAGMENTS} fragments of one byte`,
  on: 'ws-edge',
  expected: ['closed 1008'],
  prepare: (field) => attackersOf(field, { users: PEERS, rooms: 1, membersEach: 1 }),
  run: (ground, { tokens }) => {
    const message = fragmented(FRAGMENTS)
    peersOf(ground, tokens, 1, { opened: (peer) => peer.write(message, FRAGMENTS) })
  },
})

export const oversized = attack<Attackers>({
  id: 'oversized',
  what: `${PEERS} peers, frames of 33 KiB and such as claim 2^63 − 1 bytes`,
  on: 'ws-edge',
  expected: ['closed 1009'],
  prepare: (field) => attackersOf(field, { users: PEERS, rooms: 1, membersEach: 1 }),
  run: (ground, { tokens }) => {
    const large = maskedText('x'.repeat(33 * 1024))
    const claimed = Buffer.from([0x81, 0xff, 0x7f, ...Array(7).fill(0xff), ...ZEROS_MASK, 1, 2, 3])
    peersOf(ground, tokens, 1, { opened: (peer) => peer.write(peer.index % 2 === 0 ? large : claimed) })
  },
})

export const bad = attack<Attackers>({
  id: 'bad-frames',
  what: `${PEERS} peers, frames that are no JSON`,
  on: 'ws-edge',
  expected: ['bad_frame', 'closed 4400'],
  prepare: (field) => attackersOf(field, { users: PEERS, rooms: 1, membersEach: 1 }),
  run: (ground, { tokens }) => {
    const frame = maskedText('{')
    flood(ground, peersOf(ground, tokens, 1, { heard: countRefusals(ground) }), () => frame)
  },
})
