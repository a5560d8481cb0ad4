import { generateKeyPairSync } from 'node:crypto'
import { hostname } from 'node:os'
import { SettingsError } from '@roomlog/service-kit'
import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'

const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const NEEDED = {
  DATABASE_URL: 'postgres://user:secret@localhost/chat',
  JWT_PUBLIC_KEYS: JSON.stringify([{ kty: 'OKP', crv: 'Ed25519', x, kid: 'key' }]),
}

test('an edge needs a database and the keys it believes, and names itself after its place', () => {
  expect(parseConfig(NEEDED)).toMatchObject({
    host: '127.0.0.1',
    port: 3001,
    edgeId: `${hostname()}-3001`,
    allowedOrigins: [],
    trustProxy: false,
    handshakes: { perSecond: 50, burst: 200 },
    limits: { maxBody: 4000, maxUnacked: 16 },
    eventLog: { engine: 'embedded', partitions: 12 },
  })
})

test('where the port is not known before, it needs a name', () => {
  expect(() => parseConfig({ ...NEEDED, PORT: '0' })).toThrow('EDGE_ID')
  expect(parseConfig({ ...NEEDED, PORT: '0', EDGE_ID: 'edge-1' }).edgeId).toBe('edge-1')
})

test('all problems are told at once, without a value', () => {
  const parse = () =>
    parseConfig({
      ENGINE: 'full',
      DATABASE_URL: 'mysql://secret',
      ALLOWED_ORIGINS: 'https://secret.example/',
      EDGE_ID: 'secret edge',
      JWT_PUBLIC_KEYS: 'secret',
      HANDSHAKE_BURST: '0',
      MAX_BODY: '4001',
      TRUST_PROXY: '0.0.0.0/0',
      KAFKA_SASL_MECHANISM: 'plain',
    })
  expect(parse).toThrow(SettingsError)
  const names = [
    'DATABASE_URL',
    'ALLOWED_ORIGINS',
    'EDGE_ID',
    'JWT_PUBLIC_KEYS',
    'HANDSHAKE_BURST',
    'MAX_BODY',
  ]
  for (const name of [...names, 'TRUST_PROXY', 'KAFKA_BROKERS', 'REDIS_URL', 'KAFKA_SASL_PASSWORD'])
    expect(parse).toThrow(name)
  expect(parse).not.toThrow(/secret/)
})
