import { randomUUID } from 'node:crypto'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { until } from '../chaos/until.ts'

const IMAGE = 'postgres:15'
const HOME = '/var/lib/postgresql/roomlog'
const [DATA, BASE, WAL] = ['data', 'base', 'wal'].map((name) => `${HOME}/${name}`)
const PATIENCE_MS = 120_000

/** PostgreSQL with base backups and archived WAL, as the operations page has them, in a container that outlives its server. */
export interface ArchivedPostgres extends AsyncDisposable {
  /** Of the superuser; the same after a restore. */
  readonly url: string
  /** In place of the one before. */
  takeBaseBackup(): Promise<void>
  /** What is committed now and not later. */
  now(): Promise<string>
  /** Resolves when all that is committed can be restored. */
  archived(): Promise<void>
  /** The machine fails. What was committed stays where nobody sees it. */
  kill(): Promise<void>
  /** From the base backup and the archive to that moment, as a new primary. */
  restoreTo(moment: string): Promise<void>
}

export async function archivedPostgres(): Promise<ArchivedPostgres> {
  const container = await new GenericContainer(IMAGE)
    .withUser('postgres')
    .withEntrypoint(['sleep'])
    .withCommand(['infinity'])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .start()
  const shell = (script: string) => run(container, script)
  const sql = (statement: string) => shell(`psql -U roomlog -d postgres -XAtc "${statement}"`)
  const password = randomUUID()
  const start = () => shell(`pg_ctl -D ${DATA} -l ${HOME}/log -w -t 120 start`)
  await shell(`mkdir -p ${WAL} && echo ${password} >${HOME}/password
    initdb -D ${DATA} -U roomlog --pwfile ${HOME}/password --auth-local trust --auth-host scram-sha-256
    echo 'host all all all scram-sha-256' >>${DATA}/pg_hba.conf
    cat >>${DATA}/postgresql.conf <<'END'
listen_addresses = '*'
max_connections = 200
archive_mode = on
archive_command = 'test ! -f ${WAL}/%f && cp %p ${WAL}/%f'
END`)
  await start()
  await sql('CREATE DATABASE roomlog')
  return {
    url: `postgres://roomlog:${password}@127.0.0.1:${container.getMappedPort(5432)}/roomlog`,
    takeBaseBackup: async () => {
      await shell(`rm -rf ${BASE} && pg_basebackup -U roomlog -D ${BASE} --checkpoint fast`)
    },
    now: () => sql('SELECT clock_timestamp()'),
    archived: async () => {
      const segment = await sql('SELECT pg_walfile_name(pg_switch_wal())')
      const isThere = async () => (await shell(`ls ${WAL}`)).split('\n').includes(segment)
      await until(`${segment} is archived`, isThere, PATIENCE_MS)
    },
    kill: async () => {
      await shell(`pg_ctl -D ${DATA} -m immediate -w stop && rm -rf ${DATA}`)
    },
    restoreTo: async (moment) => {
      await shell(`cp -a ${BASE} ${DATA} && touch ${DATA}/recovery.signal
        cat >>${DATA}/postgresql.auto.conf <<'END'
restore_command = 'cp ${WAL}/%f %p'
recovery_target_time = '${moment}'
recovery_target_action = 'promote'
END`)
      await start()
      const isPrimary = async () => (await sql('SELECT pg_is_in_recovery()')) === 'f'
      await until('PostgreSQL is the primary', isPrimary, PATIENCE_MS)
    },
    [Symbol.asyncDispose]: async () => void (await container.stop()),
  }
}

async function run(container: StartedTestContainer, script: string): Promise<string> {
  const { exitCode, output } = await container.exec(['bash', '-ec', script])
  if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}: ${output}`)
  return output.trim()
}
