import { type FaultProxy, faultProxy, suiteOn } from '@roomlog/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { ENGINES, type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

const [full] = ENGINES.filter(({ name }) => name === 'full')
if (full === undefined) throw new TypeError('there is no full engine')
/** Rebuilt within 25 s, says the design. */
const PATIENCE = { timeout: 40_000 }

suiteOn(full.needs, 'while Redis is away', () => {
  const resources = new AsyncDisposableStack()
  let proxy: FaultProxy
  let roomlog: RunningRoomlog
  /** Past the proxy. */
  let redis: Redis
  let prefix: string

  beforeAll(async () => {
    const { env } = resources.use(await full.prepare())
    redis = new Redis(env.REDIS_URL ?? '')
    resources.defer(() => redis.disconnect())
    prefix = `${env.NAMESPACE}:`
    proxy = resources.use(await faultProxy(env.REDIS_URL ?? ''))
    roomlog = resources.use(await startRoomlog({ env: { ...env, REDIS_URL: proxy.url } }))
  })
  afterAll(() => resources.disposeAsync())

  test.each([
    ['cut', 'it comes back without its data'],
    ['freeze', 'it comes back with them'],
  ] as const)('(%s; %s) chat goes on, presence is unknown, and is rebuilt', async (fault, back) => {
    const run = crypto.randomUUID().slice(0, 8)
    const ada = await Person.register(roomlog.apiUrl, `ada_${run}`, 'Ada')
    const room = await ada.createRoom(`Away ${run}`)
    const view = await LiveView.open(ada, [room.id])
    const online = async () => {
      const answer = await fetch(`${roomlog.apiUrl}/rooms/${room.id}/members`, {
        headers: { authorization: `Bearer ${ada.session.accessToken}` },
      })
      const { members } = (await answer.json()) as { members: { online: boolean | null }[] }
      return members.map((member) => member.online)
    }
    await expect.poll(online, PATIENCE).toEqual([true])

    proxy[fault]()
    try {
      await expect.poll(online, PATIENCE).toEqual([null])
      const late = await LiveView.open(ada, [room.id])
      await view.send(room.id, 'without Redis')
      await Promise.all([view, late].map((one) => one.until(() => one.seen.get(room.id)?.length === 1)))
      expect([...view.violations, ...late.violations]).toEqual([])
      expect((await fetch(`${roomlog.apiUrl}/readyz`)).status).toBe(200)
      expect(await (await fetch(`${roomlog.apiUrl}/health`)).json()).toMatchObject({
        checks: { redis: 'failing' },
      })
      late.close()
      if (back === 'it comes back without its data') await redis.del(await redis.keys(`${prefix}presence:*`))
    } finally {
      proxy.heal()
    }
    await expect.poll(online, PATIENCE).toEqual([true])
    view.close()
  })
})
