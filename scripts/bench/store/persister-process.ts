import { messageStore } from '@roomlog/persister/message-store'
import { storeBatches } from '@roomlog/persister/store'
import type { Candidate } from '@roomlog/persister/verdict'
import { answerOrders } from '../child.ts'
import { newBatches } from './batches.ts'
import { asPersister } from './database.ts'

export type Task =
  | {
      readonly do: 'make'
      readonly url: string
      readonly rooms: readonly string[]
      readonly batches: number
    }
  | { readonly do: 'store'; readonly partition: number }

const made: (readonly Candidate[])[] = []
let store: ReturnType<typeof messageStore> | undefined

// A persister's storing without its log, of one partition, one batch at a time. Batches are made before they are measured.
answerOrders(async (task: Task) => {
  if (task.do === 'make') {
    store ??= messageStore(asPersister(task.url).db)
    made.push(...newBatches(task.rooms, task.batches))
  } else if (store !== undefined) {
    const { partition } = task
    for (const candidates of made.splice(0)) await storeBatches(store, [{ partition, candidates }])
  }
})
