import { randomBytes } from 'node:crypto'
import { maskedText } from '../../raw-websocket.ts'
import { attack, type Field } from '../attack.ts'
import { countRefusals, type Peer } from '../peer.ts'
import { type Attackers, attackersOf, enrol } from '../people.ts'
import { flood, peersOf } from './frames.ts'

const SOCKETS = 20
const DEAF = 40
const TALKERS = 4
/** Of a talker, of what the limit of 20 leaves. */
const PER_TICK = 2
/** UTF-16 units that are three bytes each. */
const LONG_BODY = '長'.repeat(4000)
const MEMBERS = 10_000
const CONNECTED = 500

function sendFrame(roomId: string, body: string): Buffer {
  const clientMsgId = randomBytes(8).toString('hex')
  return maskedText(JSON.stringify({ type: 'sendMessage', roomId, clientMsgId, body }))
}

const joinFrame = (roomIds: readonly string[]) =>
  maskedText(JSON.stringify({ type: 'joinRooms', rooms: roomIds.map((roomId) => ({ roomId })) }))

export const sends = attack<Attackers>({
  id: 'sends',
  what: `one user on ${SOCKETS} sockets, 90 messages/s each, into 40 rooms`,
  on: 'ws-edge',
  expected: ['accepted', 'rate_limited'],
  prepare: (field) => attackersOf(field, { users: 1, rooms: 40, membersEach: 1 }),
  run: (ground, { tokens, rooms }) => {
    let n = 0
    flood(ground, peersOf(ground, tokens, SOCKETS, { heard: countRefusals(ground) }), () => {
      n += 1
      return sendFrame(rooms[n % rooms.length] ?? '', 'spam')
    })
  },
})

interface Deaf extends Attackers {
  /** Rooms in which others talk. */
  readonly busy: readonly string[]
}

async function inRoomsOfOthers(field: Field): Promise<Deaf> {
  const made = await attackersOf(field, { users: DEAF + TALKERS, rooms: 2, membersEach: DEAF + TALKERS })
  await enrol(field, field.others.rooms, made.userIds.slice(0, DEAF))
  return { ...made, busy: field.others.rooms }
}

export const deaf = attack<Deaf>({
  id: 'deaf',
  what: `${DEAF} clients that never read, in all rooms of others and in two with long messages; they send, too`,
  on: 'ws-edge',
  leastSeconds: 20,
  expected: ['edge closed 4408'],
  prepare: inRoomsOfOthers,
  run: (ground, { tokens, rooms, busy }) => {
    const opened = (peer: Peer) => {
      peer.write(joinFrame([...rooms, ...busy]))
      peer.stopReading()
    }
    const silent = peersOf(ground, tokens.slice(0, DEAF), 1, { opened })
    flood(ground, silent, () => sendFrame(rooms[0] ?? '', 'hello'), 1)
    const talkers = peersOf(ground, tokens.slice(DEAF), 1, { heard: countRefusals(ground) })
    let n = 0
    flood(
      ground,
      talkers,
      () => {
        n += 1
        return sendFrame(rooms[n % rooms.length] ?? '', LONG_BODY)
      },
      PER_TICK,
    )
  },
})

export const spammer = attack<Attackers>({
  id: 'spammer',
  what: `a room of ${MEMBERS} members, ${CONNECTED} connected, one sends 90 messages/s`,
  on: 'ws-edge',
  expected: ['accepted', 'rate_limited'],
  prepare: (field) => attackersOf(field, { users: MEMBERS, rooms: 1, membersEach: MEMBERS }),
  run: (ground, { tokens: [spammer = '', ...members], rooms: [roomId = ''] }) => {
    const join = joinFrame([roomId])
    const opened = (peer: Peer) => peer.write(join)
    peersOf(ground, members.slice(0, CONNECTED), 1, { opened, addresses: 250 })
    flood(ground, peersOf(ground, [spammer], 1, { heard: countRefusals(ground) }), () =>
      sendFrame(roomId, 'spam'),
    )
  },
})
