import { newId } from '@roomlog/protocol'
import type { Stack } from '../../chaos/stack.ts'
import { Child } from '../child.ts'
import { type PopulationSize, populate, tokensOf } from '../population.ts'
import type { LoadOrder, LoadPlan } from './load-orders.ts'

export type Audience = Pick<LoadPlan, 'people' | 'rooms'>

/** People who may connect, and their rooms. */
export async function audienceOf(stack: Stack, size: PopulationSize): Promise<Audience> {
  const { users, rooms } = await populate(stack.servers.postgres.url, size)
  return peopleIn(rooms, tokensOf(stack, users), size)
}

/** The same for a server that knows nobody. */
export function strangers(size: PopulationSize): Audience {
  const rooms = Array.from({ length: size.rooms }, () => newId())
  return peopleIn(
    rooms,
    Array.from({ length: size.users }, () => undefined),
    size,
  )
}

/** Each is where `populate` has put them. */
function peopleIn(
  rooms: readonly string[],
  tokens: readonly (string | undefined)[],
  { membersEach }: PopulationSize,
): Audience {
  const people = tokens.map((token) => ({ token, rooms: [] as number[] }))
  for (const [room] of rooms.entries()) {
    for (let k = 0; k < membersEach; k += 1) {
      people[(room * membersEach + k) % people.length]?.rooms.push(room)
    }
  }
  return { people, rooms }
}

/** Sockets of these people, open, in a process of their own. */
export async function loadOf(
  url: string,
  audience: Audience,
  areListening = true,
): Promise<Child<LoadOrder>> {
  await using stack = new AsyncDisposableStack()
  const load = stack.use(new Child<LoadOrder>(new URL('./load-sockets.ts', import.meta.url)))
  await load.ask({ do: 'open', plan: { url, ...audience, areListening } })
  stack.move()
  return load
}
