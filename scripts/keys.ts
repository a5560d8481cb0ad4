import { makeKeys } from './start/keys.ts'

// A pair for production, as lines of an environment file.
for (const [name, value] of Object.entries(makeKeys())) console.log(`${name}=${value}`)
