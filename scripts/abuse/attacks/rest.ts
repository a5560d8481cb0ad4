import { fill } from '../../bench/fill.ts'
import { attack, type Field } from '../attack.ts'
import { attackersOf, makePublic } from '../people.ts'
import { loops } from '../requests.ts'

const MESSAGES = 100_000
const EXPORTED_MESSAGES = 10_000
const WIDTH = 50
const LIMIT_BYTES = 32_768

interface OneReader {
  readonly token: string
  readonly roomId: string
}

/** One who is in a room of so many messages, all of them their own. */
async function oneReader(field: Field, messages: number): Promise<OneReader> {
  const { userIds, tokens, rooms } = await attackersOf(field, { users: 1, rooms: 1, membersEach: 1 })
  const [token = '', roomId = ''] = [tokens[0], rooms[0]]
  await fill(field.databaseUrl, [{ roomId, senders: userIds, messages }], field.say)
  return { token, roomId }
}

export const pages = attack<OneReader>({
  id: 'pages',
  what: `one user, ${WIDTH} connections, the longest pages of a large room`,
  on: 'api',
  expected: ['200'],
  prepare: (field) => oneReader(field, MESSAGES),
  run: (ground, { token, roomId }) =>
    loops(ground, { width: WIDTH }, (connection, nth) => ({
      method: 'GET',
      path: `/rooms/${roomId}/messages?limit=100&before=${1 + ((connection * 1009 + nth * 7919) % MESSAGES)}`,
      token,
    })),
})

export const searches = attack<OneReader>({
  id: 'searches',
  what: `one user, ${WIDTH} connections, searches of 5000 public rooms`,
  on: 'api',
  expected: ['200'],
  prepare: async (field) => {
    const { tokens, rooms } = await attackersOf(field, { users: 1, rooms: 5000, membersEach: 1 })
    await makePublic(field, rooms)
    return { token: tokens[0] ?? '', roomId: '' }
  },
  run: (ground, { token }) =>
    loops(ground, { width: WIDTH }, (_connection, nth) => ({
      method: 'GET',
      path: `/rooms/public?limit=100&search=${nth % 2 === 0 ? '' : 'bench'}`,
      token,
    })),
})

export const exportsAtOnce = attack<OneReader>({
  id: 'exports',
  what: `one user of ${EXPORTED_MESSAGES} messages, ${WIDTH} exports at once`,
  on: 'api',
  expected: ['200', '429'],
  prepare: (field) => oneReader(field, EXPORTED_MESSAGES),
  run: (ground, { token }) =>
    loops(ground, { width: WIDTH }, () => ({ method: 'GET', path: '/users/me/export', token })),
})

export const bodies = attack({
  id: 'bodies',
  what: `${WIDTH} connections, bodies at the limit and one byte above`,
  on: 'api',
  expected: ['400', '413'],
  run: (ground) =>
    loops(ground, { width: WIDTH }, (_connection, nth) => {
      const beginning = '{"username":"'
      const length = LIMIT_BYTES + (nth % 2) - beginning.length - 2
      return { method: 'POST', path: '/auth/login', body: `${beginning}${'x'.repeat(length)}"}` }
    }),
})
