export { type Browser, browser } from './browser.ts'
export { BODY, PASSWORD } from './canaries.ts'
export { type CollectedSpan, collector, type TestCollector } from './collector.ts'
export {
  kafka,
  namespace,
  postgres,
  redis,
  type TestKafka,
  type TestPostgres,
  type TestRedis,
} from './dependencies.ts'
export { follow } from './follow.ts'
export { freePort } from './free-port.ts'
export { DEPENDENCY_KINDS, type DependencyKind } from './kinds.ts'
export { prometheus, type TestPrometheus } from './prometheus.ts'
export { type FaultProxy, faultProxy } from './proof/proxy/fault-proxy.ts'
export { python } from './python-program.ts'
export { type AclUser, type AclUsers, aclUsers } from './redis-users.ts'
export { keep, keepFolder, suiteLog } from './said.ts'
export { suiteInContainers, suiteOn } from './suite-on.ts'
export { tableDigests } from './table-digests.ts'
export { type Closed, type Frame, type TestClient, type TestClientOptions, testClient } from './ws-client.ts'
