import { randomBytes } from 'node:crypto'
import { ADDRESSES, attack } from '../attack.ts'
import { loops } from '../requests.ts'

const post = (path: string, body: object) => ({ method: 'POST', path, body: JSON.stringify(body) }) as const
const PASSWORD = 'a password of somebody'

export const logins = attack({
  id: 'logins',
  what: '250 addresses guess at passwords of 1000 accounts',
  on: 'api',
  expected: ['401', '503'],
  run: (ground) =>
    loops(ground, { width: 250, addresses: 250 }, (connection, nth) =>
      post('/auth/login', { username: `account_${(connection * 17 + nth) % 1000}`, password: PASSWORD }),
    ),
})

export const guesses = attack({
  id: 'guesses',
  what: 'one address, 20 connections, guesses at one account',
  on: 'api',
  expected: ['401', '429'],
  run: (ground) =>
    loops(ground, { width: 20, addresses: 1 }, () =>
      post('/auth/login', { username: 'victim', password: PASSWORD }),
    ),
})

export const registrations = attack({
  id: 'registrations',
  what: `${ADDRESSES} addresses, 40 connections, make accounts`,
  on: 'api',
  expected: ['201', '429'],
  run: (ground) =>
    loops(ground, { width: 40 }, () =>
      post('/auth/register', { username: `x_${randomBytes(8).toString('hex')}`, password: PASSWORD }),
    ),
})

export const refreshes = attack({
  id: 'refreshes',
  what: '50 connections show refresh tokens that nobody has',
  on: 'api',
  expected: ['401', '429'],
  run: (ground) =>
    loops(ground, { width: 50 }, () =>
      post('/auth/refresh', { refreshToken: randomBytes(32).toString('base64url') }),
    ),
})
