import pino from 'pino'
import { beforeEach, describe } from 'vitest'
import { MemoryLog } from '../src/index.ts'
import { eventLogContract, type LogWorld, PARTITIONS } from './contract.ts'

describe('the log in memory', () => {
  let world: LogWorld
  beforeEach(() => {
    const memory = new MemoryLog(PARTITIONS)
    world = {
      createTopics: async () => {},
      open: (settings) => memory.open({ clientId: 'test', ...settings }, pino({ enabled: false })),
    }
  })
  eventLogContract(() => world)
})
