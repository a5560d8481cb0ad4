import { TOPICS } from '@roomlog/events'
import type { Fault } from '../fault.ts'

const TIMES = 3
const WITHOUT_MS = 18_000
const BETWEEN_MS = 5_000

export const leaderKilled: Fault = {
  id: 'F31',
  title: 'three Kafka brokers, leader kill -9',
  engines: ['full'],
  stack: { brokers: 3 },
  // From the kill, for it is over at once: two of three have to do.
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    const { kafka } = stack.servers
    if (kafka === undefined) throw new Error('the engine has no Kafka')
    for (let i = 0; i < nemesis.times(TIMES, 1); i += 1) {
      const topic = random.pick([TOPICS.created.name, TOPICS.persisted.name])
      const leader = await kafka.leaderOf(topic, random.int(0, 11))
      await nemesis.act(`broker ${leader.id}`, `kill -9 of the leader of ${topic},`, () => leader.kill())
      await nemesis.sleep(nemesis.outageMs(WITHOUT_MS))
      await nemesis.act(`broker ${leader.id}`, 'start', async () => {
        await leader.start()
        await kafka.ready()
      })
      await nemesis.sleep(BETWEEN_MS)
    }
  },
}
