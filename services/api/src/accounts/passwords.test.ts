import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { describe, expect, test, vi } from 'vitest'
import { passwordHasher } from './passwords.ts'

const PASSWORD = 'correct horse battery'

describe('passwords', async () => {
  const passwords = await passwordHasher()
  const nobody = async () => undefined

  async function isIts(password_hash: string, password: string): Promise<boolean> {
    return (await passwords.verify(async () => ({ password_hash }), password)).isIts
  }

  test('are hashed with argon2id, each time another way', async () => {
    const [one, two] = await Promise.all([passwords.hash(PASSWORD), passwords.hash(PASSWORD)])
    expect(one).not.toBe(two)
    // SECURITY: m ≥ 19 MiB, t ≥ 2, p = 1.
    const [, kind, , parameters = ''] = one.split('$')
    expect(kind).toBe('argon2id')
    expect(parameters.split(',').toSorted()).toEqual(['m=19456', 'p=1', 't=2'])
    for (const hash of [one, two]) expect(await isIts(hash, PASSWORD)).toBe(true)
  })

  test.each([
    ['another', 'another horse battery'],
    ['in another case', PASSWORD.toUpperCase()],
    ['cut off', PASSWORD.slice(0, -1)],
    ['with a space behind', `${PASSWORD} `],
    ['that is empty', ''],
  ])('are told from one %s', async (_, tried) => {
    expect(await isIts(await passwords.hash(PASSWORD), tried)).toBe(false)
  })

  test('count to the last byte', async () => {
    const long = 'é'.repeat(512)
    const hash = await passwords.hash(long)
    expect(await isIts(hash, long)).toBe(true)
    expect(await isIts(hash, `${long.slice(0, -1)}e`)).toBe(false)
  })

  test('are never right where there is no account, and cost the same work', async () => {
    const verify = vi.spyOn(argon2, 'verify')
    expect(await passwords.verify(nobody, PASSWORD)).toEqual({ found: undefined, isIts: false })
    expect(await isIts(await passwords.hash('another'), PASSWORD)).toBe(false)
    const costs = verify.mock.calls.map(([hash]) => hash.split('$').slice(1, 4))
    expect(costs).toHaveLength(2)
    expect(costs[0]).toEqual(costs[1])
    verify.mockRestore()
  })

  test('are outdated where their hash was made with other parameters', async () => {
    const weak = { type: argon2.argon2id, memoryCost: 8192, timeCost: 2, parallelism: 1 } as const
    expect(passwords.isOutdated(await argon2.hash(PASSWORD, weak))).toBe(true)
    expect(passwords.isOutdated(await passwords.hash(PASSWORD))).toBe(false)
  })

  test('are hashed some at a time: two threads of the pool and the other cores are left to others', async () => {
    const hashes = Array.from({ length: 12 }, () => passwords.verify(nobody, PASSWORD))
    const running = Math.min(availableParallelism(), 2)
    expect(passwords.counts()).toEqual({ running, waiting: 12 - running })
    await Promise.all(hashes)
    expect(passwords.counts()).toEqual({ running: 0, waiting: 0 })
  })

  test('are looked for in the database when their turn has come, never for who is refused', async () => {
    const find = vi.fn(nobody)
    const gone = new AbortController()
    let refused = 0
    const hashes = [PASSWORD, PASSWORD].map((password) => passwords.verify(find, password))
    for (let i = 0; i < 400; i += 1) {
      passwords.verify(find, PASSWORD, gone.signal).catch(() => {
        refused += 1
      })
    }
    gone.abort()
    await Promise.all(hashes)
    expect(find).toHaveBeenCalledTimes(2)
    expect(refused).toBeGreaterThan(200)
  })

  test('are not hashed for who is gone', async () => {
    const gone = new AbortController()
    const hashes = [PASSWORD, PASSWORD].map((password) => passwords.verify(nobody, password))
    for (let i = 0; i < 50; i += 1) void passwords.verify(nobody, PASSWORD, gone.signal)
    gone.abort()
    await Promise.all(hashes)
    expect(passwords.counts()).toEqual({ running: 0, waiting: 0 })
  })
})
