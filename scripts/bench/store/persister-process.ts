import { once } from 'node:events'
import { postgresStore } from '@roomlog/persister/message-store'
import { storeBatch } from '@roomlog/persister/store'
import { newBatches } from './batches.ts'
import { asPersister } from './database.ts'

/** What this process is to store; answered when it is made, and, after another message, when it is stored. */
export interface Task {
  readonly url: string
  readonly partition: number
  readonly rooms: readonly string[]
  readonly batches: number
}

// A persister's storing without its log, of one partition after which there is no other.
const [task] = (await once(process, 'message')) as [Task]
const database = asPersister(task.url)
const messageStore = postgresStore(database.db)
for (let isWarm = false; process.connected; isWarm = true) {
  const batches = newBatches(task.rooms, isWarm ? task.batches : 1)
  if (isWarm) {
    process.send?.('made')
    await once(process, 'message')
  }
  for (const batch of batches) await storeBatch(messageStore, task.partition, batch)
  if (isWarm) process.send?.('stored')
}
