import { monotonicMs } from '@roomlog/testkit/proof'
import { call } from './load/rest.ts'
import type { Nemesis } from './nemesis.ts'

/** Milliseconds until a list of members in each room says `online` of exactly those who have a socket; rejects after `patienceMs`. */
export function presenceRightMs(nemesis: Nemesis, patienceMs: number): Promise<number> {
  return nemesis.until('presence is right', () => isRight(nemesis), patienceMs)
}

async function isRight({ crowd, stack }: Nemesis): Promise<boolean> {
  const sockets = new Map(crowd.clients.map((client) => [client.userId, client]))
  for (const roomId of crowd.rooms) {
    const asking = crowd.clients.find((client) => client.memberOf.includes(roomId))
    if (asking === undefined) continue
    const startedAt = monotonicMs()
    const url = `${stack.apiUrl}/rooms/${roomId}/members?limit=100`
    const { status, body } = await call(url, { token: asking.token })
    if (status !== 200) return false
    const members: readonly { readonly user: { readonly id: string }; readonly online: boolean | null }[] =
      body.members
    asking.recording.write({
      type: 'presence',
      client: asking.name,
      roomId,
      startedAt,
      online: Object.fromEntries(members.map(({ user, online }) => [user.id, online])),
    })
    if (members.some(({ user, online }) => online !== sockets.get(user.id)?.isOpen)) return false
  }
  return true
}
