import { hostname } from 'node:os'
import { limitSettings, limitsOf } from '@roomlog/protocol'
import {
  BESIDE_OTHERS,
  commonSettings,
  crashAtSetting,
  crashesOnlyInTests,
  integer,
  kafkaServers,
  kafkaSettings,
  needsOnFullEngine,
  needsWholeKafkaLogin,
  originList,
  parseSettings,
  portSetting,
  publicKeysSetting,
  redisSettings,
  tracingOf,
  tracingSettings,
  trustProxySetting,
} from '@roomlog/service-kit'
import { z } from 'zod'

/** What an edge reads from its environment. */
export const settings = {
  ...commonSettings,
  ...kafkaSettings,
  ...tracingSettings,
  ...redisSettings,
  ...limitSettings,
  PORT: portSetting(3001),
  EDGE_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 . _ -')
    .optional()
    .describe(
      'Names this edge to the log over restarts; unset: host name and port. Set it where host names change',
    ),
  JWT_PUBLIC_KEYS: publicKeysSetting.describe('JSON array of the public JWKs that are believed'),
  ALLOWED_ORIGINS: originList
    .default([])
    .describe(
      'Origins of pages that may connect; exact, comma-separated. Who sends no Origin is no browser and may',
    ),
  TRUST_PROXY: trustProxySetting,
  HANDSHAKES_PER_SECOND: integer(1, 1_000_000)
    .default(50)
    .describe('Of one address, with a burst of HANDSHAKE_BURST'),
  HANDSHAKE_BURST: integer(1, 1_000_000).default(200).describe('Handshakes of one address at once'),
  CRASH_AT: crashAtSetting,
}

type Settings = z.infer<z.ZodObject<typeof settings>>

const configSchema = z
  .object(settings)
  .superRefine(crashesOnlyInTests, BESIDE_OTHERS)
  .superRefine(needsOnFullEngine(['KAFKA_BROKERS', 'REDIS_URL']), BESIDE_OTHERS)
  .superRefine(needsWholeKafkaLogin, BESIDE_OTHERS)
  .superRefine(hasName, BESIDE_OTHERS)
  .transform((s) => ({
    logLevel: s.LOG_LEVEL,
    crashAt: s.CRASH_AT,
    tracing: tracingOf(s),
    host: s.HOST,
    port: s.PORT,
    trustProxy: s.TRUST_PROXY,
    edgeId: s.EDGE_ID ?? `${hostname()}-${s.PORT}`,
    allowedOrigins: s.ALLOWED_ORIGINS,
    publicKeys: s.JWT_PUBLIC_KEYS,
    handshakes: { perSecond: s.HANDSHAKES_PER_SECOND, burst: s.HANDSHAKE_BURST },
    limits: limitsOf(s),
    database: { url: s.DATABASE_URL, role: s.DATABASE_ROLE },
    eventLog: { engine: s.ENGINE, namespace: s.NAMESPACE, partitions: s.PARTITIONS, kafka: kafkaServers(s) },
    live: { engine: s.ENGINE, namespace: s.NAMESPACE, redisUrl: s.REDIS_URL },
  }))

/** Two edges of one name would share one group, and each would hear a part of what it needs. */
function hasName({ EDGE_ID: edgeId, PORT: port }: Settings, context: z.RefinementCtx): void {
  if (port !== 0 || edgeId !== undefined) return
  context.addIssue({ code: 'custom', path: ['EDGE_ID'], message: 'is required with PORT=0' })
}

export type Config = Readonly<z.infer<typeof configSchema>>

/** Throws `SettingsError` with all problems. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  return parseSettings(configSchema, env)
}
