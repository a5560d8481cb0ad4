import {
  BESIDE_OTHERS,
  commonSettings,
  integer,
  kafkaSettings,
  needsOnFullEngine,
  needsWholeKafkaLogin,
} from '@roomlog/service-kit'
import { z } from 'zod'

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

export const schema = z
  .object(settings)
  .superRefine(needsOnFullEngine(['KAFKA_BROKERS']), BESIDE_OTHERS)
  .superRefine(({ ENGINE, DATABASE_URL }, context) => {
    if (ENGINE === 'full' || DATABASE_URL !== undefined) return
    context.addIssue({ code: 'custom', path: ['DATABASE_URL'], message: 'is required with ENGINE=embedded' })
  })
  .superRefine(needsWholeKafkaLogin, BESIDE_OTHERS)
