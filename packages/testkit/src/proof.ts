export { freePort } from './free-port.ts'
export { type Counts, check, type Report } from './proof/check.ts'
export type { Violation } from './proof/checks/violation.ts'
export { type Random, random } from './proof/faults/random.ts'
export {
  type FaultKind,
  type ScheduledFault,
  type ScheduleOptions,
  schedule,
} from './proof/faults/schedule.ts'
export { type Entry, monotonicMs, type Seen } from './proof/history.ts'
export { type FaultProxy, type FaultProxyOptions, faultProxy } from './proof/proxy/fault-proxy.ts'
export { type KafkaRelay, kafkaRelay } from './proof/proxy/kafka-relay.ts'
export { isProduce, type ProduceRequest } from './proof/proxy/kafka-wire.ts'
export { isCommit, isStatement } from './proof/proxy/postgres-wire.ts'
export type { WireProtocol } from './proof/proxy/wire.ts'
export { Recorder, type Recording, readHistory } from './proof/recorder.ts'
export {
  type ControlledBroker,
  type ControlledKafka,
  type ControlledKafkaOptions,
  controlledKafka,
} from './proof/servers/controlled-kafka.ts'
export { type ControlledPostgres, controlledPostgres } from './proof/servers/controlled-postgres.ts'
export {
  type ControlledProcess,
  type ControlledProcessOptions,
  controlledProcess,
  type ProcessEnd,
} from './proof/servers/controlled-process.ts'
export {
  type ControlledRedis,
  type ControlledRedisOptions,
  controlledRedis,
} from './proof/servers/controlled-redis.ts'
export type { ControlledServer, ControlledServerOptions } from './proof/servers/controlled-server.ts'
export { keepProcess, keptFolder } from './proof/servers/kept.ts'
export { treeOf } from './proof/servers/process-tree.ts'
