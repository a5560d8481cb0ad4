/** Preloaded into services of a chaos run: SIGUSR2 collects garbage, then writes into a file the bytes that are in use. */
import { renameSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const file = process.env.ROOMLOG_MEMORY_FILE ?? ''
process.on('SIGUSR2', () => {
  // Buffers that the first has found are given back by the second at the latest.
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  writeFileSync(`${file}.new`, String(heapUsed + external))
  renameSync(`${file}.new`, file)
})
