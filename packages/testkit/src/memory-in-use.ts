import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that this process uses, in V8's heap and outside of it, right after a collection of garbage. */
export function memoryInUse(): number {
  // Buffers that the first has found are given back by the second at the latest.
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
