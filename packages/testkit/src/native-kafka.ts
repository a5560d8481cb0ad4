import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { asProperties, kafkaProgram, newClusterId } from './kafka-program.ts'
import { BROKER_SETTINGS, KAFKA_READY_LINE, KAFKA_VERSION } from './kafka-settings.ts'
import type { StartedServer } from './ladder.ts'
import { startNative } from './native.ts'

/** Kafka on an installed Java. */
export async function startNativeKafka(): Promise<StartedServer> {
  const program = await kafkaProgram()
  const dir = await mkdtemp(join(tmpdir(), 'roomlog-test-kafka-'))
  try {
    const broker = `127.0.0.1:${await freePort()}`
    const file = await writeSettings(dir, broker)
    await program.format(file, newClusterId())
    const options = { folder: dir, readyLine: KAFKA_READY_LINE }
    const { stop } = await startNative('java', program.broker(file), options)
    return { what: `Kafka ${KAFKA_VERSION} on Java`, urls: [broker], stop }
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

async function writeSettings(dir: string, broker: string): Promise<string> {
  const internal = `127.0.0.1:${await freePort()}`
  const controller = `127.0.0.1:${await freePort()}`
  const settings = {
    ...BROKER_SETTINGS,
    'controller.quorum.voters': `1@${controller}`,
    listeners: `INTERNAL://${internal},HOST://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `INTERNAL://${internal},HOST://${broker}`,
    'log.dirs': join(dir, 'data'),
  }
  await mkdir(settings['log.dirs'])
  const file = join(dir, 'server.properties')
  await writeFile(file, asProperties(settings))
  return file
}
