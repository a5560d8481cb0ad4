import { z } from 'zod'
import { commaList, flag } from './settings.ts'

const BROKER = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}$/
const brokerList = commaList.refine(
  (brokers) => brokers.length > 0 && brokers.every((broker) => BROKER.test(broker)),
  'must be host:port, comma-separated',
)

/** What services that use the log take besides, on the full engine. */
export const kafkaSettings = {
  KAFKA_BROKERS: brokerList.optional().describe('host:port, comma-separated; with ENGINE=full'),
  KAFKA_SSL: flag.default(false).describe('Speak TLS to the brokers'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How to log in to the brokers; unset: not at all'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('with KAFKA_SASL_MECHANISM'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('with KAFKA_SASL_MECHANISM'),
}

type KafkaSettings = z.infer<z.ZodObject<typeof kafkaSettings>>

/** Reports a login that lacks its name or password. */
export function needsWholeKafkaLogin(settings: KafkaSettings, context: z.RefinementCtx): void {
  if (settings.KAFKA_SASL_MECHANISM === undefined) return
  for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const) {
    if (settings[name] !== undefined) continue
    context.addIssue({ code: 'custom', path: [name], message: 'is required with KAFKA_SASL_MECHANISM' })
  }
}

/** The brokers and how to log in to them; undefined without brokers. */
export function kafkaServers(settings: KafkaSettings) {
  const { KAFKA_BROKERS: brokers, KAFKA_SSL: ssl, KAFKA_SASL_MECHANISM: mechanism } = settings
  if (brokers === undefined) return undefined
  if (mechanism === undefined) return { brokers, ssl }
  const username = settings.KAFKA_SASL_USERNAME ?? ''
  const password = settings.KAFKA_SASL_PASSWORD ?? ''
  return { brokers, ssl, sasl: { mechanism, username, password } as SaslLogin }
}

/** One login; the union tells which mechanism for clients whose types want it so. */
type SaslLogin =
  | { mechanism: 'plain'; username: string; password: string }
  | { mechanism: 'scram-sha-256'; username: string; password: string }
  | { mechanism: 'scram-sha-512'; username: string; password: string }
