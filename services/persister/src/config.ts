import {
  BESIDE_OTHERS,
  commonSettings,
  crashAtSetting,
  crashesOnlyInTests,
  kafkaServers,
  kafkaSettings,
  needsOnFullEngine,
  needsWholeKafkaLogin,
  parseSettings,
  portSetting,
  tracingOf,
  tracingSettings,
} from '@roomlog/service-kit'
import { z } from 'zod'

/** What the persister reads from its environment. */
export const settings = {
  ...commonSettings,
  ...kafkaSettings,
  ...tracingSettings,
  PORT: portSetting(3100),
  CRASH_AT: crashAtSetting,
}

const schema = z.object(settings)

const configSchema = schema
  .superRefine(crashesOnlyInTests, BESIDE_OTHERS)
  .superRefine(needsOnFullEngine(['KAFKA_BROKERS']), BESIDE_OTHERS)
  .superRefine(needsWholeKafkaLogin, BESIDE_OTHERS)
  .transform((s) => ({
    logLevel: s.LOG_LEVEL,
    crashAt: s.CRASH_AT,
    tracing: tracingOf(s),
    host: s.HOST,
    port: s.PORT,
    database: { url: s.DATABASE_URL, role: s.DATABASE_ROLE },
    eventLog: { engine: s.ENGINE, namespace: s.NAMESPACE, partitions: s.PARTITIONS, kafka: kafkaServers(s) },
  }))

export type Config = Readonly<z.infer<typeof configSchema>>

/** Throws `SettingsError` with all problems. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  return parseSettings(configSchema, env)
}
