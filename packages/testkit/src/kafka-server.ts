import { GenericContainer, Wait } from 'testcontainers'
import { containerHost, startContainer } from './containers.ts'
import { freePort } from './free-port.ts'
import type { StartedServer } from './ladder.ts'

export const KAFKA_VERSION = '4.3.1'

/** Comes after the controller has let the broker in; its port is open before that. */
export const KAFKA_READY_LINE = 'Kafka Server started'

/** Broker settings for one node that is ready and rebalances at once; everything else is Kafka's default. */
export const BROKER_SETTINGS = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'listener.security.protocol.map': 'INTERNAL:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'INTERNAL',
  'auto.create.topics.enable': 'false',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  // A broker that was killed is let in again when its old registration has expired.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
} as const

const IMAGE = `apache/kafka:${KAFKA_VERSION}`
const HOST_PORT = 19092

export async function startKafkaContainer(): Promise<StartedServer> {
  const host = await containerHost()
  // Fixed, because the broker tells clients its port and has to know it before it starts.
  const port = await freePort()
  const container = new GenericContainer(IMAGE)
    .withEnvironment({
      KAFKA_HEAP_OPTS: '-Xms256m -Xmx256m',
      ...asEnvironment({
        ...BROKER_SETTINGS,
        'controller.quorum.voters': '1@localhost:9093',
        listeners: `INTERNAL://:9092,HOST://:${HOST_PORT},CONTROLLER://:9093`,
        'advertised.listeners': `INTERNAL://localhost:9092,HOST://${host}:${port}`,
      }),
    })
    .withExposedPorts({ container: HOST_PORT, host: port })
    .withWaitStrategy(Wait.forLogMessage(KAFKA_READY_LINE))
  return startContainer(IMAGE, container, () => `${host}:${port}`)
}

function asEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  const name = (setting: string) => `KAFKA_${setting.replaceAll('.', '_').toUpperCase()}`
  return Object.fromEntries(Object.entries(settings).map(([setting, value]) => [name(setting), value]))
}
