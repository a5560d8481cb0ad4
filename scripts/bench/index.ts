import { history } from './api/history.ts'
import { logins } from './api/logins.ts'
import { history as historyCurve } from './curves/history.ts'
import { members } from './curves/members.ts'
import { rooms } from './curves/rooms.ts'
import { sweep } from './curves/sweep.ts'
import { acks } from './fan-out/acks.ts'
import { frames } from './fan-out/frames.ts'
import { mixes } from './fan-out/mixes.ts'
import { oneRoom } from './fan-out/one-room.ts'
import { stall } from './fan-out/stall.ts'
import { page } from './page.ts'
import { path } from './path/index.ts'
import { reading } from './path/reading.ts'
import { revocation } from './revocation.ts'
import type { Bench } from './row.ts'
import { handshakes } from './sockets/handshakes.ts'
import { idle, idleSockets } from './sockets/idle.ts'
import { memory } from './sockets/memory.ts'
import { presence } from './sockets/presence.ts'
import { store } from './store/rows.ts'

/** In the order of what they cover, from the socket to the whole path. */
export const BENCHES: readonly Bench[] = [
  oneRoom,
  mixes,
  stall,
  frames,
  acks,
  memory,
  handshakes,
  presence,
  store,
  history,
  logins,
  historyCurve,
  sweep,
  members,
  rooms,
  idle,
  idleSockets,
  path,
  reading,
  revocation,
  page,
]
