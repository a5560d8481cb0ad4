import { fill } from '../../bench/fill.ts'
import { maskedText } from '../../raw-websocket.ts'
import { attack } from '../attack.ts'
import { countRefusals } from '../peer.ts'
import { type Attackers, attackersOf } from '../people.ts'
import { flood, peersOf } from './frames.ts'

const USERS = 10
const ROOMS = 100
const LARGE_ROOMS = 20
const MESSAGES = 1000
/** In a tick of a tenth of a second. */
const [JOINS_PER_TICK, REREADS_PER_TICK] = [5, 1] as const

const joinAll = (rooms: readonly string[], afterSeq?: number) =>
  maskedText(JSON.stringify({ type: 'joinRooms', rooms: rooms.map((roomId) => ({ roomId, afterSeq })) }))

export const joins = attack<Attackers>({
  id: 'joins',
  what: `${USERS} users join ${ROOMS} rooms 50 times a second each`,
  on: 'ws-edge',
  expected: ['overloaded', 'closed 4429'],
  prepare: (field) => attackersOf(field, { users: USERS, rooms: ROOMS, membersEach: USERS }),
  run: (ground, { tokens, rooms }) => {
    const frame = joinAll(rooms)
    flood(ground, peersOf(ground, tokens, 1, { heard: countRefusals(ground) }), () => frame, JOINS_PER_TICK)
  },
})

export const rereads = attack<Attackers>({
  id: 'rereads',
  what: `${USERS} users read ${LARGE_ROOMS} rooms of ${MESSAGES} from the start 10 times a second each`,
  on: 'ws-edge',
  expected: [],
  prepare: async (field) => {
    const made = await attackersOf(field, { users: USERS, rooms: LARGE_ROOMS, membersEach: USERS })
    const filled = made.rooms.map((roomId) => ({ roomId, senders: made.userIds, messages: MESSAGES }))
    await fill(field.databaseUrl, filled, field.say)
    return made
  },
  run: (ground, { tokens, rooms }) => {
    const frame = joinAll(rooms, 0)
    flood(ground, peersOf(ground, tokens, 1, { heard: countRefusals(ground) }), () => frame, REREADS_PER_TICK)
  },
})
