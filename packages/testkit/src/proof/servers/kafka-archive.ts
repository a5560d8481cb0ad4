import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../free-port.ts'
import { exists, type KafkaProgram } from '../../kafka-program.ts'
import { BROKER_SETTINGS, KAFKA_READY_LINE } from '../../kafka-settings.ts'
import { controlledProcess } from './controlled-process.ts'
import { untilReady } from './controlled-server.ts'
import { keptFolder } from './kept.ts'

const READY_TIMEOUT_MS = 60_000

/**
 * Java starts a broker in 2 to 3 s instead of 8 to 10 from an archive of its classes, which it writes as a broker ends.
 * Made once for all runs; a run does without when it cannot be made.
 */
export async function ensureArchive(program: KafkaProgram): Promise<void> {
  if (await exists(program.archive)) return
  const draft = `${program.archive}.${randomUUID()}`
  try {
    await writeArchive(program, draft)
    await rename(draft, program.archive)
  } catch {
    await rm(draft, { force: true })
  }
}

async function writeArchive(program: KafkaProgram, path: string): Promise<void> {
  await using home = await keptFolder('roomlog-proof-kafka-archive')
  const [broker, controller] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const settings = {
    ...BROKER_SETTINGS,
    'controller.quorum.voters': `1@${controller}`,
    'listener.security.protocol.map': 'INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `INTERNAL://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `INTERNAL://${broker}`,
  }
  const file = await program.format(home.path, settings)
  const args = program.broker(file).filter((arg) => !arg.startsWith('-XX:SharedArchiveFile='))
  await using server = controlledProcess({
    ...{ name: 'Kafka', command: 'java', log: join(home.path, 'server.log') },
    args: [`-XX:ArchiveClassesAtExit=${path}`, ...args],
  })
  await server.start()
  const probe = async () => {
    if (!(await server.output()).includes(KAFKA_READY_LINE)) throw new Error('it has not said so')
  }
  await untilReady('Kafka', [server], probe, READY_TIMEOUT_MS)
  await server.stop()
}
