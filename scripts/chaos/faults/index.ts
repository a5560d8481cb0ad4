import type { Fault } from '../fault.ts'
import type { EngineName } from '../stack.ts'
import { edgeKilled, onlyEdgeKilled } from './f01-edge-killed.ts'
import { edgeDiesBeforeAck } from './f02-edge-dies-before-ack.ts'
import { edgeFrozen } from './f03-edge-frozen.ts'
import { persisterKilled } from './f04-persister-killed.ts'
import { persisterDiesBeforePublish } from './f05-persister-dies-before-publish.ts'
import { persisterFrozen } from './f06-persister-frozen.ts'
import { persistersScaled } from './f07-persisters-scaled.ts'
import { logRestarted } from './f08-log-restarted.ts'
import { replyLost } from './f09-reply-lost.ts'
import { logUnreachable } from './f10-log-unreachable.ts'
import { offsetsReset } from './f11-offsets-reset.ts'
import { databaseRestarted } from './f12-database-restarted.ts'
import { databaseFrozen } from './f13-database-frozen.ts'
import { diskFull } from './f14-disk-full.ts'
import { presenceStoreFails } from './f16-presence-store-fails.ts'
import { clientsStopReading } from './f18-clients-stop-reading.ts'
import { halfOpen } from './f19-half-open.ts'
import { flapping } from './f20-flapping.ts'
import { reconnectStorm } from './f21-reconnect-storm.ts'
import { rollingDeploy } from './f22-rolling-deploy.ts'
import { stoppedDuringOutage } from './f23-stopped-during-outage.ts'
import { apiStopped } from './f24-api-stopped.ts'
import { clockWrong } from './f25-clock-wrong.ts'
import { fewDescriptors } from './f27-few-descriptors.ts'
import { smallHeap } from './f28-small-heap.ts'
import { everythingAtOnce } from './f29-everything-at-once.ts'
import { coldStart } from './f30-cold-start.ts'
import { leaderKilled } from './f31-leader-killed.ts'
import { soak } from './soak.ts'

/** The rows of the table, in its order. */
export const FAULTS: readonly Fault[] = [
  edgeKilled,
  onlyEdgeKilled,
  edgeDiesBeforeAck,
  edgeFrozen,
  persisterKilled,
  persisterDiesBeforePublish,
  persisterFrozen,
  persistersScaled,
  logRestarted,
  replyLost,
  logUnreachable,
  offsetsReset,
  databaseRestarted,
  databaseFrozen,
  diskFull,
  presenceStoreFails,
  clientsStopReading,
  halfOpen,
  flapping,
  reconnectStorm,
  rollingDeploy,
  stoppedDuringOutage,
  apiStopped,
  clockWrong,
  fewDescriptors,
  smallHeap,
  everythingAtOnce,
  coldStart,
  leaderKilled,
]

/** All that can be asked for by name. */
export const BY_NAME: readonly Fault[] = [...FAULTS, soak]

/** What runs for every change, and on which engine unless one is named. */
export const SHORT: Readonly<Record<string, EngineName>> = {
  F1: 'full',
  F2: 'embedded',
  F4: 'full',
  F5: 'embedded',
  // Not on Kafka: a consumer that is told to rejoin while its coordinator loads can stay out of its group for good.
  F8: 'embedded',
  F9: 'full',
  F12: 'embedded',
  F16: 'full',
  F19: 'embedded',
  F22: 'embedded',
}
