import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const s = (character: string, count: number) => character.repeat(count)

/** What each finds is put together here, so that this file holds none. */
const SECRETS: Readonly<Record<string, { readonly pattern: RegExp; readonly example: string }>> = {
  'private key': {
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    example: `-----BEGIN ${'PRIVATE KEY'}-----`,
  },
  'private JWK': { pattern: /\\?"d\\?":\s*\\?"[\w-]{43}\\?"/, example: `{"d":"${s('d', 43)}"}` },
  'access token': {
    pattern: /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20}/,
    example: `eyJ${s('a', 20)}.eyJ${s('b', 20)}.${s('c', 86)}`,
  },
  'refresh token': { pattern: /rlr_[\w-]{43}/, example: `rlr_${s('r', 43)}` },
  'password in an address': {
    pattern: /\b[a-z][a-z+]+:\/\/[^\s:/@]+:[^\s:/@${}<>]{16,}@/,
    example: `postgres://roomlog:${s('p', 16)}@db/roomlog`,
  },
  'registry token': { pattern: /_authToken\s*=\s*[^\s$]|\bnpm_\w{36}\b/, example: `npm_${s('n', 36)}` },
  'token of a code host': { pattern: /\bgh[pousr]_\w{36}\b/, example: `ghp_${s('g', 36)}` },
  'key of a cloud': { pattern: /\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{35}\b/, example: `AKIA${s('A', 16)}` },
}
const SECRET_FILES = /\.(pem|key|p12|pfx|jks)$|(^|\/)\.env(\..*)?$|(^|\/)id_(rsa|ed25519)$/

test.each(Object.entries(SECRETS))('a %s would be found', (_, { pattern, example }) => {
  expect(example).toMatch(pattern)
})

describe.runIf(existsSync(join(ROOT, '.git')))('the repository', () => {
  const tracked = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)))

  test('has no file that is a secret by its name', () => {
    expect(tracked.filter((path) => SECRET_FILES.test(path))).toEqual(['.env.example'])
  })

  test('has no secret in any file', () => {
    expect(tracked.length).toBeGreaterThan(500)
    const found = tracked.flatMap((path) => {
      const text = readFileSync(join(ROOT, path), 'latin1')
      return Object.entries(SECRETS).flatMap(([name, { pattern }]) =>
        pattern.test(text) ? [`${path}: ${name}`] : [],
      )
    })
    expect(found).toEqual([])
  })
})
