export { crashAtSetting, crashPoint } from './crash-point.ts'
export type { IsUnavailable } from './error-handler.ts'
export { ApiError } from './errors.ts'
export { type HealthOptions, health } from './health.ts'
export { type PrivateKey, type PublicKey, privateKeySetting, publicKeysSetting } from './jwk.ts'
export { kafkaServers, kafkaSettings, needsWholeKafkaLogin } from './kafka-settings.ts'
export { createLogger, type Logger } from './logger.ts'
export {
  Counter,
  counterBy,
  createMetrics,
  gauge,
  Histogram,
  measureMember,
  measurePools,
  type Registry,
  SECONDS_BUCKETS,
} from './metrics.ts'
export { type Repeating, repeatEvery } from './repeat.ts'
export { endProcess, type RunOptions, runService, type ServiceConfig } from './run-service.ts'
export { createServer, type ServerOptions } from './server.ts'
export {
  BESIDE_OTHERS,
  commaList,
  commonSettings,
  crashesOnlyInTests,
  flag,
  integer,
  needsOnFullEngine,
  originList,
  parseSettings,
  portSetting,
  redisSettings,
  SettingsError,
  trustProxySetting,
  urlOf,
} from './settings.ts'
export { type Identity, TokenError, type TokenOptions, tokens } from './tokens.ts'
export { type TracingConfig, tracingOf, tracingSettings } from './tracing/settings.ts'
export {
  type Attributes,
  isSampled,
  openTracing,
  type Span,
  type SpanOptions,
  type Tracing,
} from './tracing/tracing.ts'
export { within } from './within.ts'
