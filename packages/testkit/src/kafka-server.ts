import { GenericContainer, Wait } from 'testcontainers'
import { containerHost, startContainer } from './containers.ts'
import { freePort } from './free-port.ts'
import { BROKER_SETTINGS, KAFKA_READY_LINE, KAFKA_VERSION } from './kafka-settings.ts'
import type { StartedServer } from './ladder.ts'

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
