import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { kafkaServers, kafkaSettings, needsWholeKafkaLogin } from './kafka-settings.ts'
import { parseSettings, SettingsError } from './settings.ts'

const schema = z.object(kafkaSettings).superRefine(needsWholeKafkaLogin).transform(kafkaServers)
const parse = (env: Readonly<Record<string, string>>) => parseSettings(schema, env)

describe('Kafka’s servers', () => {
  test('are none without brokers', () => {
    expect(parse({})).toBeUndefined()
  })

  test('are brokers, without TLS and login unless asked', () => {
    expect(parse({ KAFKA_BROKERS: 'a:9092, b:9092' })).toEqual({ brokers: ['a:9092', 'b:9092'], ssl: false })
    expect(parse({ KAFKA_BROKERS: 'a:9093', KAFKA_SSL: 'true' })).toEqual({ brokers: ['a:9093'], ssl: true })
  })

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'])('are logged in to by %s', (mechanism) => {
    const login = {
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: 'user',
      KAFKA_SASL_PASSWORD: 'word',
    }
    expect(parse({ KAFKA_BROKERS: 'a:9092', ...login })).toMatchObject({
      sasl: { mechanism, username: 'user', password: 'word' },
    })
  })

  test('want a name and a password where a mechanism is named', () => {
    const parseHalf = () => parse({ KAFKA_BROKERS: 'a:9092', KAFKA_SASL_MECHANISM: 'plain' })
    expect(parseHalf).toThrow(SettingsError)
    for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']) expect(parseHalf).toThrow(name)
    expect(() => parse({ KAFKA_SASL_MECHANISM: 'md5' })).toThrow('KAFKA_SASL_MECHANISM')
  })
})
