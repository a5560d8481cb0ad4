import { roomlogOf } from '../bench/roomlog.ts'
import type { EngineName } from '../chaos/stack.ts'
import { peopleOf } from './others.ts'
import { Abuse } from './run.ts'

/** As the services have them by themselves, in place of those of a load. */
const OWN_LIMITS = {
  REGISTRATIONS_PER_MINUTE: '',
  LOGINS_PER_MINUTE: '',
  HANDSHAKES_PER_SECOND: '',
  HANDSHAKE_BURST: '',
}

/** A whole Roomlog with people in it, whose limits are those that it has by itself; it ends with `resources`. */
export async function attackedRoomlog(
  { engine, say }: { readonly engine: EngineName; readonly say: (what: string) => void },
  resources: AsyncDisposableStack,
): Promise<Abuse> {
  const roomlog = resources.use(await roomlogOf({ engine, env: OWN_LIMITS }))
  return new Abuse(roomlog, await peopleOf(roomlog), say)
}
