import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { privateKeySetting, publicKeysSetting } from '@roomlog/service-kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { completeSecrets } from './env-file.ts'

const PASSWORDS = [
  'EDGE_DATABASE_PASSWORD',
  'API_DATABASE_PASSWORD',
  'PERSISTER_DATABASE_PASSWORD',
  'AUDITOR_DATABASE_PASSWORD',
]
const ALL = ['ENV_FILE', 'POSTGRES_PASSWORD', ...PASSWORDS, 'JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS']
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomlog-secrets-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const file = () => join(folder, '.env')
const text = () => readFile(file(), 'utf8')

test('a new file has all of them, as the services take them, for its user alone', async () => {
  expect(await completeSecrets(file())).toEqual(ALL)
  const made = parseEnv(await text())
  expect(publicKeysSetting.parse(made.JWT_PUBLIC_KEYS)[0]?.kid).toBe(
    privateKeySetting.parse(made.JWT_PRIVATE_KEY).kid,
  )
  const passwords = [made.POSTGRES_PASSWORD, ...PASSWORDS.map((name) => made[name])]
  // They are parts of URLs.
  for (const password of passwords) expect(password).toMatch(/^[\w-]{32}$/)
  expect(new Set(passwords).size).toBe(passwords.length)
  expect((await stat(file())).mode & 0o777).toBe(0o600)
})

test('a second run changes nothing', async () => {
  await completeSecrets(file())
  const before = await text()
  expect(await completeSecrets(file())).toEqual([])
  expect(await text()).toBe(before)
})

test('what is there stays, and what is missing or empty is added', async () => {
  await writeFile(file(), 'POSTGRES_PASSWORD=mine\nROOMLOG_PORT=9000\nJWT_PRIVATE_KEY=')
  await chmod(file(), 0o644)
  expect(await completeSecrets(file())).toEqual(ALL.filter((name) => name !== 'POSTGRES_PASSWORD'))
  expect(parseEnv(await text())).toMatchObject({
    POSTGRES_PASSWORD: 'mine',
    ROOMLOG_PORT: '9000',
    JWT_PRIVATE_KEY: expect.stringContaining('"d":'),
  })
  expect((await stat(file())).mode & 0o777).toBe(0o600)
})

test.each(['JWT_PRIVATE_KEY', 'JWT_PUBLIC_KEYS'])(
  '%s alone is refused, and nothing is changed',
  async (name) => {
    await writeFile(file(), `${name}=x\n`)
    await expect(completeSecrets(file())).rejects.toThrow('one key without the other')
    expect(await text()).toBe(`${name}=x\n`)
  },
)
