/** Preloaded into services of a chaos run: SIGUSR2 collects garbage, then writes into a file the bytes that are in use. */
import { renameSync, writeFileSync } from 'node:fs'
import { memoryInUse } from '@roomlog/testkit/memory-in-use'

const file = process.env.ROOMLOG_MEMORY_FILE ?? ''
process.on('SIGUSR2', () => {
  writeFileSync(`${file}.new`, String(memoryInUse()))
  renameSync(`${file}.new`, file)
})
