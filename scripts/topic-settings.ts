import { commonSettings, integer, kafkaSettings } from '@roomlog/service-kit'

const { ENGINE, NAMESPACE, DATABASE_URL, PARTITIONS, LOG_LEVEL } = commonSettings

/** What making topics reads from its environment. */
export const settings = {
  ENGINE,
  NAMESPACE,
  PARTITIONS,
  LOG_LEVEL,
  ...kafkaSettings,
  DATABASE_URL: DATABASE_URL.optional(),
  REPLICATION_FACTOR: integer(1, 16)
    .optional()
    .describe('Copies that Kafka keeps of each record; unset: 3, or as many as there are brokers'),
}
