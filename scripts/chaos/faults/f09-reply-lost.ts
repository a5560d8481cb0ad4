import { loseReply } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'

const TIMES = 50
const BETWEEN_MS = [100, 900] as const

export const replyLost: Fault = {
  id: 'F9',
  title: 'the log’s reply to an append is lost',
  engines: BOTH,
  stack: { proxied: true },
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    for (let i = 0; i < nemesis.times(TIMES, 3); i += 1) {
      const isCommit = stack.servers.kafka === undefined && i % 2 === 1
      const isLost = await loseReply(nemesis, isCommit ? 'commit' : 'append')
      if (!isLost) throw new Error('no reply was lost')
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
  },
}
