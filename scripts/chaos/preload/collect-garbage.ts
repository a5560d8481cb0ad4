/** Preloaded into services of a chaos run: SIGUSR2 collects garbage, so that what is measured then is memory in use. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
process.on('SIGUSR2', () => collectGarbage())
