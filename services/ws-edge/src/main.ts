import { runService } from '@roomlog/service-kit'
import { buildApp } from './app.ts'
import { parseConfig } from './config.ts'

/** A drain's 15 s, and a moment for what is left to be closed. */
const STOP_TIMEOUT_MS = 18_000

await runService({
  name: 'ws-edge',
  parseConfig: () => parseConfig(process.env),
  buildApp,
  stopTimeoutMs: STOP_TIMEOUT_MS,
})
