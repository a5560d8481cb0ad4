import { runService } from '@roomlog/service-kit'
import { buildApp } from './app.ts'
import { parseConfig } from './config.ts'

await runService({ name: 'api', parseConfig: () => parseConfig(process.env), buildApp })
