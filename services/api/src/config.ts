import { limitSettings, limitsOf } from '@roomlog/protocol'
import {
  commaList,
  commonSettings,
  flag,
  integer,
  needsOnFullEngine,
  parseSettings,
  portSetting,
  privateKeySetting,
  publicKeysSetting,
  redisSettings,
} from '@roomlog/service-kit'
import { z } from 'zod'

const DAY_S = 24 * 60 * 60

/** What the api reads from its environment. */
export const settings = {
  ...commonSettings,
  ...redisSettings,
  ...limitSettings,
  PORT: portSetting(3000),
  JWT_PRIVATE_KEY: privateKeySetting.describe('Ed25519 private JWK; npm run keys makes one'),
  JWT_PUBLIC_KEYS: publicKeysSetting.describe('JSON array of the public JWKs that are believed'),
  ACCESS_TOKEN_TTL: integer(10, 3600).default(900).describe('Seconds'),
  REFRESH_TOKEN_TTL: integer(60, 400 * DAY_S)
    .default(30 * DAY_S)
    .describe('Seconds from the last use'),
  CORS_ORIGINS: commaList
    .default([])
    .describe('Origins of other pages that may call; exact, comma-separated'),
  PUBLIC_WS_URLS: commaList.default([]).describe('Where browsers reach the edges; comma-separated'),
  TRUST_PROXY: flag
    .or(commaList)
    .default(false)
    .describe('Whose X-Forwarded-For is believed: false, true, or addresses and networks'),
  REGISTRATIONS_PER_MINUTE: integer(1, 1_000_000).default(20).describe('Of one address'),
  LOGINS_PER_MINUTE: integer(1, 1_000_000).default(60).describe('Of one address'),
  ACCOUNT_LOGINS_PER_MINUTE: integer(1, 1_000_000).default(10).describe('Of one account from one address'),
}

const configSchema = z
  .object(settings)
  .superRefine(needsOnFullEngine(['REDIS_URL']))
  .transform((s) => ({
    logLevel: s.LOG_LEVEL,
    host: s.HOST,
    port: s.PORT,
    trustProxy: s.TRUST_PROXY,
    corsOrigins: s.CORS_ORIGINS,
    database: { url: s.DATABASE_URL, role: s.DATABASE_ROLE },
    live: { engine: s.ENGINE, namespace: s.NAMESPACE, redisUrl: s.REDIS_URL },
    tokens: {
      privateKey: s.JWT_PRIVATE_KEY,
      publicKeys: s.JWT_PUBLIC_KEYS,
      accessTtlS: s.ACCESS_TOKEN_TTL,
      refreshTtlS: s.REFRESH_TOKEN_TTL,
    },
    perMinute: {
      registrations: s.REGISTRATIONS_PER_MINUTE,
      logins: s.LOGINS_PER_MINUTE,
      accountLogins: s.ACCOUNT_LOGINS_PER_MINUTE,
    },
    clients: { wsUrls: s.PUBLIC_WS_URLS, limits: limitsOf(s) },
  }))

export type Config = Readonly<z.infer<typeof configSchema>>

/** Throws `SettingsError` with all problems. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  return parseSettings(configSchema, env)
}
