import { TOPICS } from '@roomlog/events'
import {
  type ControlledServer,
  type FaultProxy,
  isCommit,
  isProduce,
  isStatement,
} from '@roomlog/testkit/proof'
import type { Nemesis } from './nemesis.ts'
import type { Stack } from './stack.ts'

/** Longer than any service takes to come back. */
const PATIENCE_MS = 60_000
/** For clients to come to an edge. */
const MOVE_MS = 5_000
/** For somebody to ask for something whose answer is to be lost. */
const REPLY_PATIENCE_MS = 20_000
const HOUR_MS = 60 * 60 * 1000
const SHIFT_CLOCK = new URL('./preload/shift-clock.ts', import.meta.url).href

const isAppend = isStatement(/INSERT INTO engine\.log_records/)
/** Of an edge: persisters append to other topics. */
const isOfEdge = (request: Buffer) => request.includes(TOPICS.created.name)

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

/** Lets a service end at a crash point, again and again, each time after another number of passes, and after `between`. */
export function crashService(
  nemesis: Nemesis,
  name: string,
  points: readonly string[],
  times: number,
  passes: readonly [number, number],
  between: () => Promise<unknown> = async () => undefined,
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
      await between()
    }
    await stack.end(name)
    stack.start(name)
    await nemesis.until(`${name} is ready again`, () => stack.isReady(name), PATIENCE_MS)
  })
}

/**
 * Restarts a service with a clock that is wrong by so much, and with the right one after `meanwhile`; over when it is ready.
 * `allowed` are the exit codes that it may have.
 */
export function shiftClock(
  nemesis: Nemesis,
  name: string,
  shiftMs: number,
  meanwhile: () => Promise<unknown>,
  allowed: readonly number[] = [0],
): Promise<number> {
  const { stack } = nemesis
  const restart = async (env: Readonly<Record<string, string>>) => {
    await stack.stop(name, allowed)
    stack.start(name, env)
    await nemesis.until(`${name} is ready`, () => stack.isReady(name), PATIENCE_MS)
  }
  const { NODE_OPTIONS = '' } = stack.specOf(name).env
  return nemesis.act(name, `clock ${shiftMs > 0 ? '+' : ''}${shiftMs / HOUR_MS} h`, async () => {
    await restart({
      NODE_OPTIONS: `${NODE_OPTIONS} --import=${SHIFT_CLOCK}`,
      ROOMLOG_CLOCK_SHIFT_MS: String(shiftMs),
    })
    await meanwhile()
    await restart({})
  })
}

/** Sees to it that an edge has its share of clients: those whom a crash or a stop drove away would stay where they are. */
export async function populate(nemesis: Nemesis, name: string): Promise<void> {
  const { stack, crowd } = nemesis
  const url = stack.wsUrls[stack.edges.indexOf(name)]
  if (url === undefined) return
  const share = crowd.clients.length / stack.edges.length
  const pid = stack.pidOf(name)
  const isPopulated = () =>
    crowd.clients.filter(({ edge, isOpen }) => isOpen && edge === url).length >= share / 2
  // Those of its last life have heard of its end by then.
  await nemesis.until(`${name} takes clients`, () => stack.isReady(name), PATIENCE_MS)
  if (isPopulated()) return
  const elsewhere = crowd.clients.filter(({ edge }) => edge !== url)
  const moving = new Set(elsewhere.slice(0, Math.ceil(share)))
  const restore = crowd.reroute(moving, () => url)
  // It may end while they come.
  const isOver = () => isPopulated() || stack.pidOf(name) !== pid
  await nemesis.until('they have come', isOver, MOVE_MS).catch(() => undefined)
  restore()
}

async function untilRunning(nemesis: Nemesis, name: string): Promise<void> {
  await nemesis.until(`${name} runs`, () => nemesis.stack.pidOf(name) !== undefined, PATIENCE_MS)
}

type Server = Pick<ControlledServer, 'kill' | 'stop' | 'start' | 'pause' | 'resume' | 'ready'>

/** kill -9 of a server, which is started again after `meanwhile`; over when it can be used. */
export function killServer(
  nemesis: Nemesis,
  target: string,
  server: Server,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<number> {
  return nemesis.act(target, 'kill -9', async () => {
    await server.kill()
    await meanwhile()
    await server.start()
    await server.ready()
  })
}

/** Freezes a server for as long as `meanwhile` takes; over when it can be used. */
export function freezeServer(
  nemesis: Nemesis,
  target: string,
  server: Server,
  meanwhile: () => Promise<unknown>,
): Promise<number> {
  return nemesis.act(target, 'SIGSTOP', async () => {
    await server.pause()
    await meanwhile()
    await server.resume()
    await server.ready()
  })
}

export function restartBroker(nemesis: Nemesis, how: 'SIGTERM' | 'kill -9'): Promise<number> {
  const broker = brokerOf(nemesis)
  if (how === 'kill -9') return killServer(nemesis, 'kafka', broker)
  return nemesis.act('kafka', how, async () => {
    await broker.stop()
    await broker.start()
    await broker.ready()
  })
}

export function freezeBroker(nemesis: Nemesis, forMs: number): Promise<number> {
  return freezeServer(nemesis, 'kafka', brokerOf(nemesis), () => nemesis.sleep(forMs))
}

/** It can be used when a topic can be read. */
function brokerOf({ stack, random }: Nemesis): Server {
  const { kafka } = stack.servers
  if (kafka === undefined) throw new Error('the engine has no Kafka')
  return { ...random.pick(kafka.nodes), ready: kafka.ready }
}

export function restartDatabase(nemesis: Nemesis, how: 'fast' | 'immediate' | 'kill'): Promise<number> {
  const { postgres } = nemesis.stack.servers
  if (how === 'kill') return killServer(nemesis, 'postgres', postgres)
  return nemesis.act('postgres', `restart ${how}`, async () => {
    await postgres.restart(how)
    await postgres.ready()
  })
}

export function freezeDatabase(nemesis: Nemesis, forMs: number): Promise<number> {
  return freezeServer(nemesis, 'postgres', nemesis.stack.servers.postgres, () => nemesis.sleep(forMs))
}

/** What was on its way to or from a server, and all that follows, is held for as long as `meanwhile` takes. */
export function blackHole(
  nemesis: Nemesis,
  target: string,
  proxies: readonly FaultProxy[],
  meanwhile: () => Promise<unknown>,
): Promise<number> {
  return nemesis.act(target, 'black hole', async () => {
    for (const proxy of proxies) proxy.freeze()
    await meanwhile()
    for (const proxy of proxies) proxy.heal()
  })
}

/** Those through which services reach the log. */
export function logProxies({ stack }: Nemesis): readonly FaultProxy[] {
  const { kafka } = stack.servers
  return kafka === undefined ? databaseProxies(stack) : kafka.nodes.map(({ relay }) => relay)
}

export function databaseProxies({ proxies }: Stack): readonly FaultProxy[] {
  if (proxies.postgres === undefined) throw new Error('services reach PostgreSQL without a proxy')
  return [proxies.postgres]
}

/**
 * The log's answer to an edge's append is lost, or PostgreSQL's to a commit, which is the persister's or the api's. Resolves
 * with whether one was.
 */
export async function loseReply(nemesis: Nemesis, to: 'append' | 'commit'): Promise<boolean> {
  const { stack, random } = nemesis
  const isKafka = to === 'append' && stack.servers.kafka !== undefined
  const proxy = random.pick(to === 'append' ? logProxies(nemesis) : databaseProxies(stack))
  const isMeant = isKafka
    ? (request: Buffer) => isProduce(request) && isOfEdge(request)
    : (request: Buffer) => (to === 'commit' ? isCommit(request) : isAppend(request) && isOfEdge(request))
  let isLost = false
  await nemesis.act(isKafka ? 'kafka' : 'postgres', `reply to ${to} lost`, async () => {
    const patience = setTimeout(() => proxy.heal(), REPLY_PATIENCE_MS)
    isLost = await proxy.loseNextReply(isMeant)
    clearTimeout(patience)
  })
  return isLost
}
