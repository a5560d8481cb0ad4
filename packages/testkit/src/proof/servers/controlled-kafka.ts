import { join } from 'node:path'
import { freePort } from '../../free-port.ts'
import { type KafkaProgram, kafkaProgram, newClusterId } from '../../kafka-program.ts'
import { type FaultProxy, faultProxy } from '../proxy/fault-proxy.ts'
import { KAFKA } from '../proxy/kafka-wire.ts'
import { controlledProcess } from './controlled-process.ts'
import {
  type ControlledServer,
  type ControlledServerOptions,
  untilReady,
  withControls,
} from './controlled-server.ts'
import { ensureArchive } from './kafka-archive.ts'
import { brokerSettings } from './kafka-broker-settings.ts'
import { leaderOf, probeKafka, resetGroup } from './kafka-probe.ts'
import { keptFolder } from './kept.ts'

export interface ControlledKafkaOptions extends ControlledServerOptions {
  /** One, or three with three copies of everything and two needed to write. */
  readonly brokers: 1 | 3
}

export interface ControlledBroker extends Omit<ControlledServer, 'ready'> {
  /** Kafka's number of it, from 1. */
  readonly id: number
  /** The only way of clients to it. */
  readonly relay: FaultProxy
  /** `host:port` past the relay. */
  readonly direct: string
}

/** What is done to the whole is done to every broker. */
export interface ControlledKafka
  extends Pick<ControlledServer, 'start' | 'stop' | 'kill' | 'pause' | 'resume' | 'ready'>,
    AsyncDisposable {
  /** `host:port` of each broker's relay: for clients. */
  readonly brokers: readonly string[]
  /** `host:port` of each broker: for checks, past the relays. */
  readonly direct: readonly string[]
  readonly nodes: readonly ControlledBroker[]
  /** Who leads a partition, as the running brokers know. Throws when nobody does. */
  leaderOf(topic: string, partition: number): Promise<ControlledBroker>
  /** Puts a group back to the oldest record of each partition. Throws while members of it are there. */
  resetGroup(groupId: string, topic: string): Promise<void>
}

/** Kafka on an installed Java. */
export async function controlledKafka(options: ControlledKafkaOptions): Promise<ControlledKafka> {
  const program = await kafkaProgram()
  await ensureArchive(program)
  await using stack = new AsyncDisposableStack()
  const places: BrokerPlace[] = []
  for (let id = 1; id <= options.brokers; id += 1) places.push(await placeOf(id, options, stack))
  const clusterId = newClusterId()
  const nodes = await Promise.all(
    places.map((place) => node(program, place, places, clusterId, options, stack)),
  )
  const all = async (act: (broker: ControlledBroker) => Promise<void>) => {
    await Promise.all(nodes.map(act))
  }
  const alive = () => nodes.filter(({ pid, paused }) => pid !== undefined && !paused)
  const ready = (timeoutMs?: number) =>
    untilReady('Kafka', nodes, () => probeKafka(alive(), nodes.length), timeoutMs)
  await all((it) => it.start())
  await ready()
  const everything = stack.move()
  return {
    brokers: nodes.map(({ relay }) => new URL(relay.url).host),
    direct: nodes.map(({ direct }) => direct),
    ...{ nodes, ready },
    start: () => all((it) => it.start()),
    stop: () => all((it) => it.stop()),
    kill: () => all((it) => it.kill()),
    pause: () => all((it) => it.pause()),
    resume: () => all((it) => it.resume()),
    resetGroup: (groupId, topic) => resetGroup(alive(), groupId, topic),
    leaderOf: async (topic, partition) => {
      const id = await leaderOf(alive(), topic, partition)
      const leader = nodes.find((it) => it.id === id)
      if (leader === undefined) throw new Error(`nobody leads partition ${partition} of ${topic}`)
      return leader
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

/** Where a broker is, before it is. */
export interface BrokerPlace {
  readonly id: number
  readonly folder: string
  readonly direct: string
  readonly proxied: string
  readonly controller: string
  readonly relay: FaultProxy
}

async function placeOf(
  id: number,
  { folder }: ControlledKafkaOptions,
  stack: AsyncDisposableStack,
): Promise<BrokerPlace> {
  const address = async () => `127.0.0.1:${await freePort()}`
  const proxied = await address()
  return {
    id,
    folder: stack.use(await keptFolder('roomlog-proof-kafka', folder)).path,
    direct: await address(),
    proxied,
    controller: await address(),
    relay: stack.use(await faultProxy(`kafka://${proxied}`, { protocol: KAFKA })),
  }
}

async function node(
  program: KafkaProgram,
  place: BrokerPlace,
  places: readonly BrokerPlace[],
  clusterId: string,
  options: ControlledKafkaOptions,
  stack: AsyncDisposableStack,
): Promise<ControlledBroker> {
  const file = await program.format(place.folder, brokerSettings(place, places), clusterId)
  const server = stack.use(
    controlledProcess({
      ...{ name: `Kafka broker ${place.id}`, command: 'java', args: program.broker(file) },
      ...{ cwd: place.folder, log: join(place.folder, 'server.log') },
      onUnexpectedEnd: options.onUnexpectedEnd,
    }),
  )
  const { id, relay, direct } = place
  return withControls(server, {
    ...{ id, relay, direct },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
}
