import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  BESIDE_OTHERS,
  commaList,
  commonSettings,
  flag,
  integer,
  needsOnFullEngine,
  originList,
  parseSettings,
  portSetting,
  redisSettings,
  SettingsError,
  trustProxySetting,
  urlOf,
} from './settings.ts'

const schema = z
  .object({ ...commonSettings, ...redisSettings, PORT: portSetting(3000) })
  .superRefine(needsOnFullEngine(['REDIS_URL']), BESIDE_OTHERS)
const DATABASE_URL = 'postgres://user:canary@localhost/chat'

function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    parseSettings(schema, env)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
}

describe('settings', () => {
  test('have defaults for all but the database', () => {
    expect(parseSettings(schema, { DATABASE_URL })).toEqual({
      NODE_ENV: 'development',
      LOG_LEVEL: 'info',
      HOST: '127.0.0.1',
      ENGINE: 'embedded',
      NAMESPACE: '',
      DATABASE_URL,
      PARTITIONS: 12,
      PORT: 3000,
    })
  })

  test('that are empty are unset', () => {
    expect(parseSettings(schema, { DATABASE_URL, PORT: '', DATABASE_ROLE: '' })).toMatchObject({ PORT: 3000 })
    expect(problemsOf({ DATABASE_URL: '' })).toEqual(['DATABASE_URL: is required'])
  })

  test('ignore variables of others', () => {
    expect(parseSettings(schema, { DATABASE_URL, PATH: '/bin' })).not.toHaveProperty('PATH')
  })

  test('are frozen through and through', () => {
    const parsed = parseSettings(z.object({ LIST: commaList }), { LIST: 'a,b' })
    expect(Object.isFrozen(parsed) && Object.isFrozen(parsed.LIST)).toBe(true)
  })

  test('are refused with all problems at once, by name and without a value', () => {
    const env = {
      NODE_ENV: 'canary',
      LOG_LEVEL: 'canary',
      ENGINE: 'full',
      NAMESPACE: 'can ary',
      DATABASE_URL: 'mysql://canary',
      DATABASE_ROLE: 'canary; DROP',
      PARTITIONS: '0',
      PORT: '65536',
    }
    const problems = problemsOf(env)
    expect(problems.map((problem) => problem.split(':')[0]).toSorted()).toEqual(
      [...Object.keys(env).filter((name) => name !== 'ENGINE'), 'REDIS_URL'].toSorted(),
    )
    const { message } = new SettingsError(problems)
    expect(message).not.toMatch(/can ?ary/)
    for (const problem of problems) expect(message).toContain(`\n  ${problem}`)
  })

  test('of the full engine are needed there alone', () => {
    expect(problemsOf({ DATABASE_URL, ENGINE: 'full' })).toEqual(['REDIS_URL: is required with ENGINE=full'])
    expect(problemsOf({ DATABASE_URL, ENGINE: 'full', REDIS_URL: 'redis://localhost' })).toEqual([])
  })
})

describe('a whole number', () => {
  test.each([
    ['1', 1],
    ['007', 7],
    ['10', 10],
  ])('is %j', (text, value) => {
    expect(integer(1, 10).parse(text)).toBe(value)
  })

  test.each([
    ['0'],
    ['11'],
    ['-1'],
    ['1.5'],
    ['1e1'],
    ['0x5'],
    [' 5'],
    ['5 '],
    ['five'],
    ['9'.repeat(16)],
    [5],
  ])('is not %j', (text) => {
    expect(integer(1, 10).safeParse(text).success).toBe(false)
  })
})

test('a list is split at commas, without spaces and gaps', () => {
  expect(commaList.parse(' a,b , ,c,')).toEqual(['a', 'b', 'c'])
})

test('a flag is true or false in full', () => {
  expect([flag.parse('true'), flag.parse('false')]).toEqual([true, false])
  for (const text of ['1', 'yes', 'TRUE', '']) expect(flag.safeParse(text).success).toBe(false)
})

describe('origins', () => {
  test('are scheme, host and port', () => {
    const origins = ['https://chat.example.org', 'http://localhost:5173', 'http://[::1]:3000']
    expect(originList.parse(origins.join(','))).toEqual(origins)
  })

  test.each([
    ['*'],
    ['null'],
    ['chat.example.org'],
    ['https://chat.example.org/'],
    ['https://chat.example.org/path'],
    ['https://chat.example.org:443'],
    ['https://*.example.org'],
    ['https://CHAT.example.org'],
    ['https://user@chat.example.org'],
    ['file:///tmp'],
    ['https://a.example https://b.example'],
  ])('are not %s', (text) => {
    expect(originList.safeParse(text).success).toBe(false)
  })
})

test('a URL is one of the protocols that are known', () => {
  const setting = urlOf('redis:', 'rediss:')
  expect(setting.parse('rediss://:password@host:6380/1')).toBe('rediss://:password@host:6380/1')
  for (const text of ['http://host', 'host:6379', 'redis', 'redis:host', '']) {
    expect(setting.safeParse(text).error?.issues[0]?.message).toBe(
      'must be a URL that begins with redis:// or rediss://',
    )
  }
})

describe('proxies that are believed', () => {
  test.each([
    [undefined, false],
    ['false', false],
    ['true', true],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, ::1,fd00::/8', ['10.0.0.0/8', '::1', 'fd00::/8']],
  ])('%s', (text, value) => {
    expect(trustProxySetting.parse(text)).toEqual(value)
  })

  test.each([
    ['1'],
    ['yes'],
    ['localhost'],
    ['10.0.0.0/33'],
    ['0.0.0.0/0'],
    ['::/0'],
    ['10.0.0.1,everybody'],
    [','],
  ])('are not %s', (text) => {
    expect(trustProxySetting.safeParse(text).success).toBe(false)
  })
})
