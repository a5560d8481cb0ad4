import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { firstLine } from './containers.ts'
import { freePort } from './free-port.ts'
import { BROKER_SETTINGS, KAFKA_READY_LINE, KAFKA_VERSION } from './kafka-server.ts'
import type { StartedServer } from './ladder.ts'
import { startNative } from './native.ts'

const MIN_JAVA_VERSION = 17
const JARS = 'jars'

const POM = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>roomlog</groupId><artifactId>test-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

const run = promisify(execFile)

/** Kafka's own jars on an installed Java. Maven brings them, from its own cache when it has done so before. */
export async function startNativeKafka(): Promise<StartedServer> {
  await checkJava()
  const dir = await mkdtemp(join(tmpdir(), 'roomlog-test-kafka-'))
  try {
    await fetchJars(dir)
    const broker = `127.0.0.1:${await freePort()}`
    await format(dir, broker)
    const options = { folder: dir, readyLine: KAFKA_READY_LINE }
    const { stop } = await startNative('java', javaArgs('kafka.Kafka', 'server.properties'), options)
    return { what: `Kafka ${KAFKA_VERSION} on Java`, urls: [broker], stop }
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

async function checkJava(): Promise<void> {
  const { stderr } = await run('java', ['-version']).catch(() => ({ stderr: '' }))
  const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (version >= MIN_JAVA_VERSION) return
  throw new Error(
    `Kafka needs Java ${MIN_JAVA_VERSION}, ${version === 0 ? 'none is on PATH' : `found ${version}`}`,
  )
}

async function fetchJars(dir: string): Promise<void> {
  await writeFile(join(dir, 'pom.xml'), POM)
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${JARS}`]
  try {
    await run('mvn', ['-B', '-q', ...goal], { cwd: dir })
  } catch (cause) {
    throw new Error(`Maven did not bring Kafka's jars (${firstLine(cause)})`, { cause })
  }
}

async function format(dir: string, broker: string): Promise<void> {
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
  await writeFile(
    join(dir, 'server.properties'),
    Object.entries(settings)
      .map(([k, v]) => `${k}=${v}\n`)
      .join(''),
  )
  const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  await run('java', javaArgs('kafka.tools.StorageTool', 'format', '-t', id, '-c', 'server.properties'), {
    cwd: dir,
  })
}

function javaArgs(main: string, ...args: readonly string[]): readonly string[] {
  return [
    ...['-Xms256m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
    '-cp',
    `${JARS}/*`,
    main,
    ...args,
  ]
}
