import { describe, expect, test } from 'vitest'
import { optionsSchema, readArguments } from './options.ts'

const parsed = (...args: readonly string[]) => optionsSchema.safeParse(readArguments(args))
const sinceOf = (text: string) => parsed('--since', text).data?.since

describe('--since', () => {
  test('takes a time in UTC, a day, and how long ago', () => {
    expect(sinceOf('2026-01-31T12:00:00Z')).toEqual(new Date(Date.UTC(2026, 0, 31, 12)))
    expect(sinceOf('2026-01-31T12:00:00.5+01:00')).toEqual(new Date(Date.UTC(2026, 0, 31, 11, 0, 0, 500)))
    expect(sinceOf('2026-01-31')).toEqual(new Date(Date.UTC(2026, 0, 31)))
    const since = sinceOf('90s')?.getTime() ?? 0
    const ago = Date.now() - since
    expect(ago).toBeGreaterThanOrEqual(90_000)
    expect(ago).toBeLessThan(95_000)
  })

  // A year, a day of an unknown year, and a time that depends on where it is read.
  test.for(['90', 'May 5', '2026-01-31T12:00:00', 'yesterday', '', '7w'])('refuses %j', (text) => {
    expect(parsed('--since', text).error?.issues[0]?.path).toEqual(['--since'])
  })
})

test('what does not go together is told, all of it', () => {
  const { error } = parsed('--full', '--since', '1h', '--watch', '5', '--repair', '--accept')
  expect(error?.issues.map(({ path }) => path[0])).toEqual(['--since', '--repair', '--accept'])
  expect(parsed('--listen', '3300').error?.issues[0]?.path).toEqual(['--listen'])
})

describe('--listen', () => {
  const at = (text: string) => parsed('--watch', '60', '--listen', text)

  test('takes a port, and where else than on this machine alone', () => {
    expect(at('3300').data?.listen).toEqual({ host: '127.0.0.1', port: 3300 })
    expect(at('0.0.0.0:3300').data?.listen).toEqual({ host: '0.0.0.0', port: 3300 })
    expect(at('[::1]:3300').data?.listen).toEqual({ host: '::1', port: 3300 })
  })

  test.for(['', ':3300', 'host', 'host:', '65536', '3300 '])('refuses %j', (text) => {
    expect(at(text).error?.issues[0]?.path).toEqual(['--listen'])
  })
})

test('without arguments messages of the last minute are left alone', () => {
  expect(parsed().data).toMatchObject({ olderThanMs: 60_000, full: false, repair: false })
  expect(readArguments(['--help'])).toBeUndefined()
})
