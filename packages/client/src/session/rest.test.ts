import { describe, expect, test } from 'vitest'
import { defaultPlatform, type FetchAnswer } from '../platform/platform.ts'
import { Rest } from './rest.ts'

function restOf(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
  const asked: string[] = []
  const fetch = async (url: string): Promise<FetchAnswer> => {
    asked.push(url)
    const get = (name: string) => headers[name] ?? null
    return { ok: status < 300, status, headers: { get }, text: async () => text }
  }
  return { asked, rest: new Rest('http://api/under/', { ...defaultPlatform(), fetch }) }
}

describe('a refusal', () => {
  test('has the code, the message and the details of the api, and when to come again', async () => {
    const error = { code: 'rate_limited', message: 'too many', requestId: 'r', details: [1] }
    const { rest, asked } = restOf(429, JSON.stringify({ error }), { 'retry-after': '7' })
    await expect(rest.call('/auth/login')).rejects.toMatchObject({
      ...{ code: 'rate_limited', status: 429, message: 'too many', details: [1] },
      ...{ retryAfterMs: 7000, retryable: true },
    })
    expect(asked).toEqual(['http://api/under/auth/login'])
  })

  test.each([
    [502, 'unavailable', true],
    [404, 'validation_failed', false],
  ])('of a proxy, %i, goes by its class', async (status, code, retryable) => {
    const { rest } = restOf(status, '<html>')
    await expect(rest.call('/rooms')).rejects.toMatchObject({ code, status, retryable })
  })
})

test('no answer is an error of the network', async () => {
  const fetch = async () => {
    throw new TypeError('failed to fetch')
  }
  const rest = new Rest('http://api', { ...defaultPlatform(), fetch })
  await expect(rest.call('/rooms')).rejects.toMatchObject({ code: 'network', status: 0, retryable: true })
})

test('an answer without content is undefined', async () => {
  const { rest } = restOf(204, '')
  expect(await rest.call('/auth/logout')).toBeUndefined()
})
