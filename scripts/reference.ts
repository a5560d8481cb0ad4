import { writeFile } from 'node:fs/promises'
import { REFERENCE, reference } from './reference/reference.ts'

// Writes the reference of the wire from the schemas that check it.
await writeFile(REFERENCE, await reference())
