import { fileURLToPath } from 'node:url'
import { completeSecrets } from './secrets/env-file.ts'

// Writes what docker-compose.yml needs into `.env`. Nothing that is there is changed.
const FILE = fileURLToPath(new URL('../.env', import.meta.url))

try {
  const added = await completeSecrets(FILE)
  console.log(added.length === 0 ? '.env has everything already.' : `Added to .env: ${added.join(', ')}`)
} catch (error) {
  console.error(`secrets: ${(error as Error).message}`)
  process.exit(1)
}
