import { Child } from '../child.ts'
import type { BareLogOrder } from './bare-log.ts'
import type { System } from './system.ts'

export type { BareLogOrder, BareLogRun } from './bare-log.ts'

/** A bare kafkajs client on the system's own broker, with as many partitions; undefined where there is none. */
export async function bareLogOn(
  { kafka, stack }: System,
  children: AsyncDisposableStack,
): Promise<Child<BareLogOrder> | undefined> {
  if (kafka === undefined) return undefined
  const bare = children.use(new Child<BareLogOrder>(new URL('./bare-log.ts', import.meta.url)))
  const partitions = Number(stack.specOf('ws-edge').env.PARTITIONS ?? 12)
  await bare.ask({ do: 'open', broker: kafka, partitions })
  return bare
}
