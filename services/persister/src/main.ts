import { runService } from '@roomlog/service-kit'
import { buildApp } from './app.ts'
import { parseConfig } from './config.ts'

await runService({ name: 'persister', parseConfig: () => parseConfig(process.env), buildApp })
