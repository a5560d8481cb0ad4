import { newId } from '@roomlog/protocol'
import { Child } from '../bench/child.ts'
import { fill } from '../bench/fill.ts'
import { type Audience, audienceOf, loadOf } from '../bench/path/audience.ts'
import type { LoadEnd, LoadMark, LoadOrder } from '../bench/path/load-orders.ts'
import type { Percentiles } from '../bench/percentiles.ts'
import type { Stack } from '../chaos/stack.ts'
import type { VisitorsOrder, Visits } from './visitors.ts'

const SIZE = { users: 20, rooms: 10, membersEach: 8 }
const MESSAGES_PER_SECOND = 60
const READ_MESSAGES = 1000

/** How it was for others, in milliseconds. */
export interface Felt {
  /** From a send until all members have it. */
  readonly delivered: Percentiles
  readonly page: Percentiles
  readonly welcome: Percentiles
  /** What did not work at all, and how often. */
  readonly failed: Readonly<Record<string, number>>
}

/** Twenty people in ten rooms, of which the first has something to read. */
export async function peopleOf(stack: Stack): Promise<Audience> {
  const others = await audienceOf(stack, SIZE)
  const [roomId = ''] = others.rooms
  await fill(
    stack.servers.postgres.url,
    [{ roomId, senders: [newId()], messages: READ_MESSAGES }],
    () => undefined,
  )
  return others
}

/** Others while they talk, read and come, in processes of their own; they go with the block that uses them. */
export class Others implements AsyncDisposable {
  readonly #load: Child<LoadOrder>
  readonly #visitors: Child<VisitorsOrder>

  private constructor(load: Child<LoadOrder>, visitors: Child<VisitorsOrder>) {
    this.#load = load
    this.#visitors = visitors
  }

  /** Resolves when all are there and talk. */
  static async come(stack: Stack, people: Audience): Promise<Others> {
    await using cleanUp = new AsyncDisposableStack()
    const [wsUrl = '', roomId = ''] = [stack.wsUrls[0], people.rooms[0]]
    const tokens = people.people.flatMap(({ token, rooms }) =>
      token !== undefined && rooms.includes(0) ? [token] : [],
    )
    const load = cleanUp.use(await loadOf(wsUrl, people))
    const visitors = cleanUp.use(new Child<VisitorsOrder>(new URL('./visitors.ts', import.meta.url)))
    await load.ask({ do: 'start', pace: { perSecond: MESSAGES_PER_SECOND } })
    await visitors.ask({ do: 'start', plan: { apiUrl: stack.apiUrl, wsUrl, tokens, roomId } })
    cleanUp.move()
    return new Others(load, visitors)
  }

  /** How it was since the last mark. */
  async mark(): Promise<Felt> {
    const [{ delivered }, visits] = await Promise.all([
      this.#load.ask<LoadMark>({ do: 'mark' }),
      this.#visitors.ask<Visits>({ do: 'mark' }),
    ])
    return { delivered, ...visits }
  }

  /** As `mark`, with what was under way brought to its end. */
  async stop(): Promise<Felt> {
    const [{ lost, outOfOrder, refused }, visits] = await Promise.all([
      this.#load.ask<LoadEnd>({ do: 'stop' }),
      this.#visitors.ask<Visits>({ do: 'stop' }),
    ])
    const { delivered } = await this.#load.ask<LoadMark>({ do: 'mark' })
    const failed = Object.entries({ lost, 'out of order': outOfOrder }).filter(([, times]) => times > 0)
    return { delivered, ...visits, failed: { ...visits.failed, ...refused, ...Object.fromEntries(failed) } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#load[Symbol.asyncDispose](), this.#visitors[Symbol.asyncDispose]()])
  }
}
