import { writeFile } from 'node:fs/promises'
import { ENV_EXAMPLE, envExample } from './start/env-example.ts'
import { SETTINGS_REFERENCE, settingsReference } from './start/settings-reference.ts'

// Writes both lists of settings from what the services' schemas say.
await writeFile(ENV_EXAMPLE, envExample())
await writeFile(SETTINGS_REFERENCE, settingsReference())
