import { monotonicMs } from '@roomlog/testkit/proof'
import { percentiles } from '../../bench/percentiles.ts'
import { freezeServer, killServer } from '../acts.ts'
import type { Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'
import { presenceRightMs } from '../presence.ts'

const DOWN_MS = 120_000
const FREEZE_MS = 30_000
const PRESENCE_RIGHT_MS = 25_000
const CONNECT_MS = 1_000
const RECONNECTS = 20

export const presenceStoreFails: Fault = {
  id: 'F16',
  title: 'Redis: FLUSHALL, kill -9, down 120 s, SIGSTOP 30 s',
  // On the embedded engine presence lies in PostgreSQL, whose rows are F12 and F13.
  engines: ['full'],
  crowd: { churners: 0 },
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { redis } = nemesis.stack.servers
    if (redis === undefined) throw new Error('no Redis')
    const rightAfter = async (what: string) => {
      const ms = await presenceRightMs(nemesis, PRESENCE_RIGHT_MS * 2)
      nemesis.bound(`presence right after ${what}, ms`, ms, PRESENCE_RIGHT_MS)
    }
    // A server that was down comes back as empty as after these.
    if (!nemesis.isShort) {
      await nemesis.act('redis', 'FLUSHALL', () => redis.flushAll())
      await rightAfter('FLUSHALL')
      await killServer(nemesis, 'redis', redis)
      await rightAfter('kill -9')
    }
    await killServer(nemesis, 'redis', redis, () => chatGoesOn(nemesis, 'down', nemesis.outageMs(DOWN_MS)))
    await rightAfter('being down')
    await freezeServer(nemesis, 'redis', redis, () =>
      chatGoesOn(nemesis, 'frozen', nemesis.outageMs(FREEZE_MS)),
    )
    await rightAfter('SIGSTOP')
  },
}

async function chatGoesOn(nemesis: Nemesis, how: string, forMs: number): Promise<void> {
  const { crowd } = nemesis
  await reconnect(nemesis, how)
  const [closesBefore, acceptedBefore] = [crowd.closes, crowd.accepted]
  await nemesis.sleep(forMs)
  const accepted = crowd.accepted - acceptedBefore
  nemesis.must(`sends are acknowledged while Redis is ${how} (${accepted})`, accepted > 0)
  nemesis.bound(`sockets that were closed while Redis is ${how}`, crowd.closes - closesBefore, 0)
}

/** Some people lose their connection and come back: none of that waits for presence. */
async function reconnect(nemesis: Nemesis, how: string): Promise<void> {
  const { crowd, random } = nemesis
  const sinceMs = monotonicMs()
  for (let i = 0; i < RECONNECTS; i += 1) {
    random.pick(crowd.clients).drop()
    await nemesis.sleep(100)
  }
  await nemesis.until('all are live again', () => crowd.live === crowd.clients.length, 30_000)
  const times = crowd.clients.flatMap(({ connectMs }) => connectMs.filter(({ atMs }) => atMs > sinceMs))
  const { p99 } = percentiles(times.map(({ ms }) => ms))
  nemesis.bound(`p99 of connects while Redis is ${how}, ms`, p99, CONNECT_MS)
}
