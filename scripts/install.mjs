// Installs what is missing: `node scripts/install.mjs` for running, `--dev` for tests and tools too.
import { install } from './start/install.mjs'

await install({ withDev: process.argv.includes('--dev') })
