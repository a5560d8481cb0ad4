import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeySetting, publicKeysSetting } from '@roomlog/service-kit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keysIn, makeKeys } from './keys.ts'

describe('new keys', () => {
  const { JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS } = makeKeys()

  test('are what the services take', () => {
    expect(privateKeySetting.parse(JWT_PRIVATE_KEY).kid).toBe(
      publicKeysSetting.parse(JWT_PUBLIC_KEYS)[0]?.kid,
    )
  })

  test('belong together', () => {
    const [own, believed] = [JSON.parse(JWT_PRIVATE_KEY), JSON.parse(JWT_PUBLIC_KEYS)[0]]
    const said = Buffer.from('said')
    const signature = sign(null, said, createPrivateKey({ key: own, format: 'jwk' }))
    expect(verify(null, said, createPublicKey({ key: believed, format: 'jwk' }), signature)).toBe(true)
  })

  test('are named by their thumbprint, and the public one holds no secret', () => {
    const [believed] = JSON.parse(JWT_PUBLIC_KEYS)
    const members = `{"crv":"Ed25519","kty":"OKP","x":"${believed.x}"}`
    expect(believed.kid).toBe(createHash('sha256').update(members).digest('base64url'))
    expect(believed).not.toHaveProperty('d')
  })

  test('differ each time, and fit on a line', () => {
    expect(makeKeys().JWT_PRIVATE_KEY).not.toBe(JWT_PRIVATE_KEY)
    expect(JWT_PRIVATE_KEY + JWT_PUBLIC_KEYS).not.toMatch(/\s/)
  })
})

describe('keys of a data folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomlog-keys-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  const file = () => join(folder, 'keys.json')

  test('are made once, readable by their user alone', async () => {
    const keys = await keysIn(folder)
    expect(await keysIn(folder)).toEqual(keys)
    expect((await stat(file())).mode & 0o777).toBe(0o600)
  })

  test.each(['{"JWT_PRIVATE_KEY":', '{}', 'null'])(
    'are not overwritten where the file holds %s',
    async (text) => {
      await writeFile(file(), text)
      await expect(keysIn(folder)).rejects.toMatchObject({ code: 'keys_unreadable' })
      expect(await readFile(file(), 'utf8')).toBe(text)
    },
  )
})
