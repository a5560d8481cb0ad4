import type { Attack } from '../attack.ts'
import { guesses, logins, refreshes, registrations } from './accounts.ts'
import { bad, fragments, heartbeats, oversized, typing } from './frames.ts'
import { flapping, garbage, handshakes } from './handshakes.ts'
import { joins, rereads } from './joins.ts'
import { bodies, exportsAtOnce, pages, searches } from './rest.ts'
import { deaf, sends, spammer } from './sends.ts'
import { slowBodies, slowHeaders } from './slow.ts'

/** From what needs nothing to what only members can do. */
export const ATTACKS: readonly Attack[] = [
  slowHeaders,
  slowBodies,
  logins,
  guesses,
  registrations,
  refreshes,
  bodies,
  handshakes,
  garbage,
  flapping,
  heartbeats,
  typing,
  bad,
  fragments,
  oversized,
  sends,
  spammer,
  deaf,
  joins,
  rereads,
  pages,
  searches,
  exportsAtOnce,
]
