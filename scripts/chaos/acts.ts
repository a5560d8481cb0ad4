import type { Nemesis } from './nemesis.ts'

/** Longer than any service takes to come back. */
const PATIENCE_MS = 60_000
/** For clients to come to an edge. */
const MOVE_MS = 5_000

/** kill -9 of a service; its end is that of the act, and what follows is recovery. Resolves when its successor is ready. */
export async function killService(nemesis: Nemesis, name: string): Promise<void> {
  const { stack } = nemesis
  await untilRunning(nemesis, name)
  await populate(nemesis, name)
  const pid = stack.pidOf(name)
  await nemesis.act(name, 'kill -9', () => stack.signal(name, 'SIGKILL'))
  await nemesis.until(`${name} ends`, () => stack.pidOf(name) !== pid, PATIENCE_MS)
  await nemesis.until(`${name} is ready again`, () => stack.isReady(name), PATIENCE_MS)
}

/** Stops a service for a while and lets it go on. */
export function freezeService(nemesis: Nemesis, name: string, forMs: number): Promise<number> {
  return nemesis.act(name, `SIGSTOP for ${forMs / 1000} s`, async () => {
    nemesis.stack.signal(name, 'SIGSTOP')
    await nemesis.sleep(forMs)
    nemesis.stack.signal(name, 'SIGCONT')
  })
}

/** Lets a service end at a crash point, again and again, each time after another number of passes. */
export function crashService(
  nemesis: Nemesis,
  name: string,
  points: readonly string[],
  times: number,
  passes: readonly [number, number],
): Promise<number> {
  const { stack, random } = nemesis
  return nemesis.act(name, `${times} crashes at ${points.join(' or ')}`, async () => {
    for (let crash = 0; crash < times; crash += 1) {
      await stack.end(name)
      const CRASH_AT = `${random.pick(points)}:${random.int(...passes)}`
      stack.start(name, { CRASH_AT })
      await untilRunning(nemesis, name)
      const pid = stack.pidOf(name)
      await populate(nemesis, name)
      await nemesis.until(`${name} crashes at ${CRASH_AT}`, () => stack.pidOf(name) !== pid, PATIENCE_MS)
    }
    await stack.end(name)
    stack.start(name)
    await nemesis.until(`${name} is ready again`, () => stack.isReady(name), PATIENCE_MS)
  })
}

/** Ends a service and starts it with something loaded before it, or as it is usually; resolves when it is ready. */
export async function restartWith(
  { stack }: Nemesis,
  name: string,
  how: {
    readonly preload?: string
    /** More options of Node, as in `--max-old-space-size=64`. */
    readonly nodeOptions?: string
    readonly env?: Readonly<Record<string, string>>
  },
): Promise<void> {
  const { NODE_OPTIONS = '' } = stack.specOf(name).env
  const preload = how.preload === undefined ? [] : [`--import=${how.preload}`]
  await stack.stop(name)
  stack.start(name, {
    ...how.env,
    NODE_OPTIONS: [NODE_OPTIONS, ...preload, how.nodeOptions ?? ''].join(' ').trim(),
  })
  await stack.ready([name], PATIENCE_MS)
}

/** Sees to it that an edge has its share of clients: those whom a crash drove away would stay where they are. */
async function populate(nemesis: Nemesis, name: string): Promise<void> {
  const { stack, crowd } = nemesis
  const url = stack.wsUrls[stack.edges.indexOf(name)]
  if (url === undefined) return
  const share = crowd.clients.length / stack.edges.length
  const elsewhere = crowd.clients.filter(({ edge }) => edge !== url)
  const pid = stack.pidOf(name)
  const isPopulated = () =>
    crowd.clients.filter(({ edge, isOpen }) => isOpen && edge === url).length >= share / 2
  if (isPopulated()) return
  await nemesis.until(`${name} takes clients`, () => stack.isReady(name), PATIENCE_MS)
  const moving = new Set(elsewhere.slice(0, Math.ceil(share)))
  const usual = crowd.edgeFor
  crowd.edgeFor = (client) => (moving.has(client) ? url : usual(client))
  for (const client of moving) client.drop()
  // It may end while they come.
  const isOver = () => isPopulated() || stack.pidOf(name) !== pid
  await nemesis.until('they have come', isOver, MOVE_MS).catch(() => undefined)
  crowd.edgeFor = usual
}

async function untilRunning(nemesis: Nemesis, name: string): Promise<void> {
  await nemesis.until(`${name} runs`, () => nemesis.stack.pidOf(name) !== undefined, PATIENCE_MS)
}

/** Ends the broker in one of its ways and starts it again; over when a topic can be read. */
export function restartBroker(nemesis: Nemesis, how: 'SIGTERM' | 'kill -9'): Promise<number> {
  const { kafka, broker } = brokerOf(nemesis)
  return nemesis.act('kafka', how, async () => {
    await (how === 'SIGTERM' ? broker.stop() : broker.kill())
    await broker.start()
    await kafka.ready()
  })
}

export function freezeBroker(nemesis: Nemesis, forMs: number): Promise<number> {
  const { kafka, broker } = brokerOf(nemesis)
  return nemesis.act('kafka', `SIGSTOP for ${forMs / 1000} s`, async () => {
    await broker.pause()
    await nemesis.sleep(forMs)
    await broker.resume()
    await kafka.ready()
  })
}

function brokerOf({ stack, random }: Nemesis) {
  const { kafka } = stack.servers
  if (kafka === undefined) throw new Error('the engine has no Kafka')
  return { kafka, broker: random.pick(kafka.nodes) }
}

/** Ends PostgreSQL in one of its ways and starts it again; over when it takes queries. */
export function restartDatabase(nemesis: Nemesis, how: 'fast' | 'immediate' | 'kill'): Promise<number> {
  const { postgres } = nemesis.stack.servers
  return nemesis.act('postgres', how === 'kill' ? 'kill -9' : `restart ${how}`, async () => {
    if (how === 'kill') {
      await postgres.kill()
      await postgres.start()
    } else await postgres.restart(how)
    await postgres.ready()
  })
}

export function freezeDatabase(nemesis: Nemesis, forMs: number): Promise<number> {
  const { postgres } = nemesis.stack.servers
  return nemesis.act('postgres', `SIGSTOP for ${forMs / 1000} s`, async () => {
    await postgres.pause()
    await nemesis.sleep(forMs)
    await postgres.resume()
    await postgres.ready()
  })
}
