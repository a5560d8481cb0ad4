import { writeFile } from 'node:fs/promises'
import { envExample } from './start/env-example.ts'

// Writes `.env.example` from what the services' schemas say.
await writeFile(new URL('../.env.example', import.meta.url), envExample())
