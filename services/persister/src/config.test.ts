import { SettingsError } from '@roomlog/service-kit'
import { describe, expect, test } from 'vitest'
import { parseConfig } from './config.ts'

const DATABASE_URL = 'postgres://user:secret@localhost/chat'

describe('settings', () => {
  test('need no more than a database on the embedded engine', () => {
    expect(parseConfig({ DATABASE_URL })).toMatchObject({
      host: '127.0.0.1',
      port: 3100,
      database: { url: DATABASE_URL, role: undefined },
      eventLog: { engine: 'embedded', namespace: '', partitions: 12, kafka: undefined },
    })
  })

  test('are frozen', () => {
    const config = parseConfig({ DATABASE_URL })
    expect(Object.isFrozen(config) && Object.isFrozen(config.database)).toBe(true)
  })

  test('are refused with all problems at once and no value', () => {
    const parse = () => parseConfig({ ENGINE: 'fast', PORT: '-1', DATABASE_URL: 'mysql://secret' })
    expect(parse).toThrow(SettingsError)
    for (const name of ['DATABASE_URL', 'ENGINE', 'PORT']) expect(parse).toThrow(name)
    expect(parse).not.toThrow(/secret/)
  })

  test('end the process at a crash point only where nobody relies on it', () => {
    expect(parseConfig({ DATABASE_URL, CRASH_AT: 'before_publish:7' }).crashAt).toBe('before_publish:7')
    for (const wrong of ['before_lunch', 'before_publish:0', 'before_publish:x']) {
      expect(() => parseConfig({ DATABASE_URL, CRASH_AT: wrong })).toThrow('CRASH_AT')
    }
    const env = { DATABASE_URL, CRASH_AT: 'before_publish', NODE_ENV: 'production' }
    expect(() => parseConfig(env)).toThrow('CRASH_AT')
  })

  test('need brokers on the full engine', () => {
    expect(() => parseConfig({ DATABASE_URL, ENGINE: 'full' })).toThrow('KAFKA_BROKERS')
    // Told beside other problems, not only once those are mended.
    expect(() => parseConfig({ ENGINE: 'full' })).toThrow(/DATABASE_URL[\s\S]*KAFKA_BROKERS/)
    const { eventLog } = parseConfig({ DATABASE_URL, ENGINE: 'full', KAFKA_BROKERS: 'a:1,b:2' })
    expect(eventLog.kafka).toEqual({ brokers: ['a:1', 'b:2'], ssl: false, sasl: undefined })
  })

  test('need name and password where brokers ask for them', () => {
    const env = { DATABASE_URL, ENGINE: 'full', KAFKA_BROKERS: 'a:1', KAFKA_SASL_MECHANISM: 'plain' }
    for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']) {
      expect(() => parseConfig(env)).toThrow(name)
    }
    const login = { KAFKA_SSL: 'true', KAFKA_SASL_USERNAME: 'user', KAFKA_SASL_PASSWORD: 'secret' }
    expect(parseConfig({ ...env, ...login }).eventLog.kafka).toEqual({
      brokers: ['a:1'],
      ssl: true,
      sasl: { mechanism: 'plain', username: 'user', password: 'secret' },
    })
  })
})
