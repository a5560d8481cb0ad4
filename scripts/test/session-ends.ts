import { PASSWORD } from '@roomlog/testkit'
import { expect } from 'vitest'
import { call, type Somebody } from './acceptance-world.ts'

/** Each ends the session of somebody's sockets; resolves when it is answered. */

export async function endByLogout({ roomlog, session: { refreshToken } }: Somebody): Promise<void> {
  expect((await call(roomlog.apiUrl, 'POST', '/auth/logout', { refreshToken })).status).toBe(204)
}

/** As when it was stolen: somebody goes on with it, and whose it was comes with an older one. */
export async function endByReuse({ roomlog, session }: Somebody): Promise<void> {
  const refresh = (refreshToken: string) => call(roomlog.apiUrl, 'POST', '/auth/refresh', { refreshToken })
  const { body } = await refresh(session.refreshToken)
  expect((await refresh(body.refreshToken)).status).toBe(200)
  expect((await refresh(session.refreshToken)).status).toBe(401)
}

/** Changed from another device. */
export async function endByPassword({ roomlog, session }: Somebody): Promise<void> {
  const { username } = session.user
  const { body } = await call(roomlog.apiUrl, 'POST', '/auth/login', { username, password: PASSWORD })
  const passwords = { currentPassword: PASSWORD, newPassword: `${PASSWORD}, changed` }
  const changed = await call(roomlog.apiUrl, 'POST', '/users/me/password', passwords, body.accessToken)
  expect(changed.status).toBe(204)
}

export async function endByDeletion(somebody: Somebody): Promise<void> {
  expect((await somebody.call('DELETE', '/users/me', { password: PASSWORD })).status).toBe(204)
}
