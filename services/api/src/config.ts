import { createPublicKey } from 'node:crypto'
import { limitSettings, limitsOf } from '@roomlog/protocol'
import {
  BESIDE_OTHERS,
  commaList,
  commonSettings,
  integer,
  needsOnFullEngine,
  originList,
  parseSettings,
  portSetting,
  privateKeySetting,
  publicKeysSetting,
  redisSettings,
  trustProxySetting,
  urlOf,
} from '@roomlog/service-kit'
import { z } from 'zod'

const DAY_S = 24 * 60 * 60

const wsUrlSetting = urlOf('ws:', 'wss:')
const wsUrlList = commaList.refine(
  (urls) => urls.every((url) => wsUrlSetting.safeParse(url).success),
  'must be URLs that begin with ws:// or wss://, comma-separated',
)

/** What the api reads from its environment. */
export const settings = {
  ...commonSettings,
  ...redisSettings,
  ...limitSettings,
  PORT: portSetting(3000),
  JWT_PRIVATE_KEY: privateKeySetting.describe('Ed25519 private JWK; npm run keys makes one'),
  JWT_PUBLIC_KEYS: publicKeysSetting.describe('JSON array of the public JWKs that are believed'),
  ACCESS_TOKEN_TTL: integer(10, 900).default(900).describe('Seconds'),
  REFRESH_TOKEN_TTL: integer(60, 400 * DAY_S)
    .default(30 * DAY_S)
    .describe('Seconds from the last use'),
  CORS_ORIGINS: originList
    .default([])
    .describe('Origins of other pages that may call; exact, comma-separated'),
  PUBLIC_WS_URLS: wsUrlList.default([]).describe('Where browsers reach the edges; comma-separated'),
  TRUST_PROXY: trustProxySetting,
  REGISTRATIONS_PER_MINUTE: integer(1, 1_000_000).default(20).describe('Of one address'),
  LOGINS_PER_MINUTE: integer(1, 1_000_000).default(60).describe('Of one address'),
  ACCOUNT_LOGINS_PER_MINUTE: integer(1, 1_000_000).default(10).describe('Of one account from one address'),
}

type Settings = z.infer<z.ZodObject<typeof settings>>

const configSchema = z
  .object(settings)
  .superRefine(needsOnFullEngine(['REDIS_URL']), BESIDE_OTHERS)
  .superRefine(believesItself, BESIDE_OTHERS)
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

/** Tokens signed with a key that is not among the believed ones would be refused by who made them. */
function believesItself(
  { JWT_PRIVATE_KEY: own, JWT_PUBLIC_KEYS: believed }: Partial<Settings>,
  context: z.RefinementCtx,
): void {
  // Beside other problems they can be missing or not yet what they become.
  if (typeof own?.pem !== 'string' || !Array.isArray(believed)) return
  const pem = createPublicKey(own.pem).export({ type: 'spki', format: 'pem' })
  if (believed.some((key) => key?.kid === own.kid && key.pem === pem)) return
  context.addIssue({
    code: 'custom',
    path: ['JWT_PUBLIC_KEYS'],
    message: 'must hold the public key of JWT_PRIVATE_KEY',
  })
}

export type Config = Readonly<z.infer<typeof configSchema>>

/** Throws `SettingsError` with all problems. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  return parseSettings(configSchema, env)
}
