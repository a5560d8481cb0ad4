import { startProcess } from './start/start-process.ts'

await startProcess()
