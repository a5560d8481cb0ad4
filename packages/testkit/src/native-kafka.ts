import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { kafkaProgram } from './kafka-program.ts'
import { BROKER_SETTINGS, KAFKA_READY_LINE, KAFKA_VERSION } from './kafka-settings.ts'
import type { StartedServer } from './ladder.ts'
import { startNative } from './native.ts'

/** Kafka on an installed Java. */
export async function startNativeKafka(): Promise<StartedServer> {
  const program = await kafkaProgram()
  const dir = await mkdtemp(join(tmpdir(), 'roomlog-test-kafka-'))
  try {
    const broker = `127.0.0.1:${await freePort()}`
    const file = await program.format(dir, await settingsOf(broker))
    const options = { folder: dir, readyLine: KAFKA_READY_LINE }
    const { stop } = await startNative('java', program.broker(file), options)
    return { what: `Kafka ${KAFKA_VERSION} on Java`, urls: [broker], stop }
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

async function settingsOf(broker: string): Promise<Readonly<Record<string, string>>> {
  const internal = `127.0.0.1:${await freePort()}`
  const controller = `127.0.0.1:${await freePort()}`
  return {
    ...BROKER_SETTINGS,
    'controller.quorum.voters': `1@${controller}`,
    listeners: `INTERNAL://${internal},HOST://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `INTERNAL://${internal},HOST://${broker}`,
  }
}
