import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KAFKA_VERSION } from './kafka-settings.ts'

const MIN_JAVA_VERSION = 17

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

/** Kafka's own jars on an installed Java. */
export interface KafkaProgram {
  /** Arguments of `java` that run a broker on the settings in a file. */
  readonly broker: (settingsFile: string) => readonly string[]
  /**
   * Makes a broker's data in a folder that is its own, and resolves with the file of its settings there. All brokers of
   * one cluster are given its id; default: a new one. `logins` are made with it, by SCRAM-SHA-512.
   */
  format(
    folder: string,
    settings: Readonly<Record<string, string>>,
    clusterId?: string,
    logins?: Readonly<Record<string, string>>,
  ): Promise<string>
  /** Where to keep what makes it start faster: fits only this Java and these jars. */
  readonly archive: string
}

/** Maven brings the jars, once: they stay in the user's cache folder. Throws when Java or Maven cannot do their part. */
export async function kafkaProgram(): Promise<KafkaProgram> {
  const java = await checkJava()
  const cache = join(homedir(), '.cache', 'roomlog', `kafka-${KAFKA_VERSION}`)
  const jars = join(cache, 'jars')
  if (!(await exists(jars))) await fetchJars(cache, jars)
  const archive = join(cache, `classes-${createHash('sha256').update(java).digest('hex').slice(0, 16)}.jsa`)
  const options = [
    ...['-Xms256m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    // Java goes on without the archive, and without a word, when that is missing or made by another.
    ...[`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off', '-Xshare:auto'],
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
    ...['-cp', `${jars}/*`],
  ]
  return {
    archive,
    broker: (settingsFile) => [...options, 'kafka.Kafka', settingsFile],
    format: async (folder, settings, clusterId = newClusterId(), logins = {}) => {
      const [file, data] = [join(folder, 'server.properties'), join(folder, 'data')]
      await mkdir(data)
      await writeFile(file, asProperties({ ...settings, 'log.dirs': data }))
      const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]
      const scram = Object.entries(logins).flatMap(([name, password]) => [
        '--add-scram',
        `SCRAM-SHA-512=[name=${name},password=${password}]`,
      ])
      await run('java', [...options, ...args, ...scram])
      return file
    },
  }
}

/** As Kafka makes it: 16 bytes, and never one that a command would take for an option. */
export function newClusterId(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

function asProperties(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

async function checkJava(): Promise<string> {
  const { stderr } = await run('java', ['-version']).catch(() => ({ stderr: '' }))
  const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (version >= MIN_JAVA_VERSION) return stderr
  throw new Error(
    `Kafka needs Java ${MIN_JAVA_VERSION}, ${version === 0 ? 'none is on PATH' : `found ${version}`}`,
  )
}

/** In a draft that is renamed when complete. Racing starts make one each, and the first stays. */
async function fetchJars(cache: string, jars: string): Promise<void> {
  await mkdir(cache, { recursive: true })
  const draft = await mkdtemp(join(cache, 'draft-'))
  try {
    await writeFile(join(draft, 'pom.xml'), POM)
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=jars']
    await run('mvn', ['-B', '-q', ...goal], { cwd: draft })
    await rename(join(draft, 'jars'), jars).catch(async (error) => {
      if (!(await exists(jars))) throw error
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)
    throw new Error(`Maven did not bring Kafka's jars (${reason})`, { cause })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
