import { crashService } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'

const CRASHES = 50

export const edgeDiesBeforeAck: Fault = {
  id: 'F2',
  title: 'edge dies after produce, before ACK',
  engines: BOTH,
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const edge = nemesis.random.pick(nemesis.stack.edges)
    await crashService(nemesis, edge, ['after_produce_before_ack'], nemesis.times(CRASHES, 3), [1, 40])
  },
}
