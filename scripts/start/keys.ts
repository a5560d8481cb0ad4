import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartFailure } from './failure.ts'

/** Settings of the services, each as JSON. */
export interface Keys {
  /** One private Ed25519 JWK. */
  readonly JWT_PRIVATE_KEY: string
  /** An array of public Ed25519 JWKs. */
  readonly JWT_PUBLIC_KEYS: string
}

export function makeKeys(): Keys {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { crv, d, kty, x } = privateKey.export({ format: 'jwk' })
  // RFC 7638: the hash of the required members, in alphabetical order and without spaces.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
  const shared = { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' }
  return { JWT_PRIVATE_KEY: JSON.stringify({ ...shared, d }), JWT_PUBLIC_KEYS: JSON.stringify([shared]) }
}

/** The folder's keys, made at the first start. */
export async function keysIn(folder: string): Promise<Keys> {
  const path = join(folder, 'keys.json')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  })
  if (text !== undefined) return parse(path, text)
  const keys = makeKeys()
  await writeFile(`${path}.new`, `${JSON.stringify(keys, undefined, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
  return keys
}

function parse(path: string, text: string): Keys {
  try {
    const { JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS } = JSON.parse(text)
    if (typeof JWT_PRIVATE_KEY === 'string' && typeof JWT_PUBLIC_KEYS === 'string') {
      return { JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS }
    }
  } catch {
    // Said below, as for JSON of another shape.
  }
  throw new StartFailure(
    'keys_unreadable',
    `${path} does not hold Roomlog's keys. Put it back, or remove it: new keys are made then, and everybody logs in again.`,
  )
}
