import { TOPICS } from '@roomlog/events'
import { isCommit, isProduce, isStatement } from '@roomlog/testkit/proof'
import { BOTH, type Fault } from '../fault.ts'

const TIMES = 50
const BETWEEN_MS = [100, 900] as const

const isAppend = isStatement(/INSERT INTO engine\.log_records/)
/** Of an edge: persisters append to other topics. */
const isOfEdge = (request: Buffer) => request.includes(TOPICS.created.name)

export const replyLost: Fault = {
  id: 'F9',
  title: 'the log’s reply to an append is lost',
  engines: BOTH,
  stack: { proxied: true },
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    const { kafka } = stack.servers
    const proxies = kafka === undefined ? [stack.proxies.postgres] : kafka.nodes.map(({ relay }) => relay)
    for (let i = 0; i < nemesis.times(TIMES, 3); i += 1) {
      const proxy = random.pick(proxies)
      if (proxy === undefined) throw new Error('no proxy')
      await nemesis.act(kafka === undefined ? 'postgres' : 'kafka', 'reply lost', async () => {
        const isLost = await proxy.loseNextReply(requestOf(kafka === undefined, i))
        if (!isLost) throw new Error('no reply was lost')
      })
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
  },
}

/** Whose reply the nth time is to be lost: on PostgreSQL now and then a commit's, which is the persister's or the api's. */
function requestOf(isPostgres: boolean, nth: number): (request: Buffer) => boolean {
  if (!isPostgres) return (request) => isProduce(request) && isOfEdge(request)
  return nth % 2 === 1 ? isCommit : (request) => isAppend(request) && isOfEdge(request)
}
