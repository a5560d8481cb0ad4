import { runService } from '@roomlog/service-kit'
import { buildApp } from './app.ts'
import { parseConfig } from './config.ts'

/** A drain's 12 s at most, and 6 s for a log whose servers hang. */
const STOP_TIMEOUT_MS = 18_000

await runService({
  name: 'ws-edge',
  parseConfig: () => parseConfig(process.env),
  buildApp,
  stopTimeoutMs: STOP_TIMEOUT_MS,
})
