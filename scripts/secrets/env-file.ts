import { randomBytes } from 'node:crypto'
import { appendFile, chmod, readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { LOGIN_PASSWORDS } from '../migrate/logins.ts'
import { makeKeys } from '../start/keys.ts'

const PASSWORD_BYTES = 24
const KEY_NAMES = ['JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS'] as const

/** Fit for a URL. */
const newPassword = () => randomBytes(PASSWORD_BYTES).toString('base64url')

/**
 * Adds what `docker-compose.yml` needs and the environment file at `path` lacks, makes the file where there is none, and
 * leaves every line as it is. It can then be read by its user alone. Resolves with the names that were added. Throws where
 * one of the two keys is there without the other.
 */
export async function completeSecrets(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return ''
  })
  const present = parseEnv(text)
  const isMissing = (name: string) => (present[name] ?? '') === ''
  const keys = KEY_NAMES.filter(isMissing)
  if (keys.length === 1) {
    throw new Error(
      `${path} has one key without the other. Add ${keys[0]} from where it is kept, or remove the other: new ones are made then, and everybody logs in again.`,
    )
  }
  const wanted: Readonly<Record<string, string>> = {
    ENV_FILE: '/dev/null',
    ...Object.fromEntries(
      ['POSTGRES_PASSWORD', ...Object.values(LOGIN_PASSWORDS)].map((it) => [it, newPassword()]),
    ),
    ...makeKeys(),
  }
  const added = Object.entries(wanted).filter(([name]) => isMissing(name))
  if (added.length > 0) {
    const start = text === '' || text.endsWith('\n') ? '' : '\n'
    // Quoted: JSON has quotes of its own.
    const lines = added.map(([name, value]) => `${name}='${value}'\n`)
    await appendFile(path, `${start}${lines.join('')}`, { mode: 0o600 })
  }
  await chmod(path, 0o600)
  return added.map(([name]) => name)
}
