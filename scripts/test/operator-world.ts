import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { connect, type Database, migrate, ROLES } from '@roomlog/db'
import {
  connectEventLog,
  connectLogReader,
  createTopics,
  type EventLog,
  type LogReader,
  type LogRecord,
} from '@roomlog/event-log'
import { encodeCreated, type MessageCreated, PERSISTER_GROUP, type Topic } from '@roomlog/events'
import { buildApp } from '@roomlog/persister/app'
import { parseConfig } from '@roomlog/persister/config'
import { newId } from '@roomlog/protocol'
import { type DependencyKind, follow, kafka, keep, postgres, suiteLog } from '@roomlog/testkit'
import { pino } from 'pino'
import { expect } from 'vitest'
import { persistersHaveReached } from '../operator/persisters.ts'
import { ROOT } from './running-roomlog.ts'

export const PATIENCE = { timeout: 20_000 }
const PARTITIONS = 3
const silent = pino({ level: 'silent' })

export type EngineName = 'embedded' | 'full'

export const OPERATOR_ENGINES: readonly {
  readonly name: EngineName
  readonly needs: readonly DependencyKind[]
}[] = [
  { name: 'embedded', needs: ['postgres'] },
  { name: 'full', needs: ['postgres', 'kafka'] },
]

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of the commands as a person would, with `env` as all of its environment. */
export function command(
  script: 'audit' | 'demo' | 'dlq' | 'restored' | 'retention' | 'to-full',
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const file = join(ROOT, 'scripts', `${script}.ts`)
  const all = { PATH: process.env.PATH ?? '', ...env }
  execFile(process.execPath, [file, ...args], { env: all }, (error, stdout, stderr) => {
    keep('operators', stderr)
    // Whoever runs it may have asked for messages.
    keep('people', stdout)
    resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
  })
  return promise
}

export interface PersisterOptions {
  /** It stores, and what it publishes is lost on the way. */
  readonly isMute?: boolean
}

/** A log and a database, and a persister that can be started in this process and stopped. */
export interface OperatorWorld extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  /** May do anything. */
  readonly admin: Database
  /** As the commands are advised to connect. */
  readonly database: Database
  readonly eventLog: EventLog
  readonly reader: LogReader
  startPersister(options?: PersisterOptions): Promise<void>
  stopPersister(): Promise<void>
  /** Resolves when the persisters have handled all that stands in the log now. */
  handled(): Promise<void>
  /** The persisters' position moves over all that stands in the log now, as if they had handled it. */
  skip(): Promise<void>
  newRoom(id?: string): Promise<string>
  send(...events: readonly MessageCreated[]): Promise<void>
  /** Of what is appended from now on. */
  follow(topic: Topic): Promise<readonly LogRecord[]>
  bodiesOf(roomId: string): Promise<readonly string[]>
}

export async function operatorWorld(engine: EngineName): Promise<OperatorWorld> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await postgres())
  await migrate(server.url)
  const broker = engine === 'full' ? stack.use(await kafka()) : undefined
  const env = {
    ENGINE: engine,
    DATABASE_URL: server.url,
    DATABASE_ROLE: ROLES.edge,
    NAMESPACE: broker?.namespace ?? '',
    KAFKA_BROKERS: broker?.brokers.join() ?? '',
    PARTITIONS: String(PARTITIONS),
  }
  const admin = connect({ url: server.url, applicationName: 'test-admin' })
  stack.defer(() => admin.close())
  const database = connect({ url: server.url, role: ROLES.edge, applicationName: 'test' })
  stack.defer(() => database.close())
  const config = parseConfig({ ...env, DATABASE_ROLE: ROLES.persister, PORT: '0', LOG_LEVEL: 'silent' })
  const settings = { ...config.eventLog, database: admin, clientId: 'test', sessionTimeoutMs: 10_000 }
  await createTopics({ ...settings, replicationFactor: 1 }, silent)
  const eventLog = await connectEventLog(settings, silent)
  stack.defer(() => eventLog.close())
  const reader = await connectLogReader({ ...settings, database }, silent)
  stack.defer(() => reader.close())

  let persister: Awaited<ReturnType<typeof buildApp>> | undefined
  const stopPersister = async () => {
    await persister?.close()
    persister = undefined
  }
  stack.defer(stopPersister)
  const everything = stack.move()
  return {
    env,
    admin,
    database,
    eventLog,
    reader,
    startPersister: async ({ isMute = false } = {}) => {
      await stopPersister()
      const openLog = async () => muted(await connectEventLog(settings, silent))
      persister = await buildApp(config, { log: suiteLog(), ...(isMute ? { openLog } : {}) })
      await persister.ready()
    },
    stopPersister,
    handled: async () => {
      const ends = await reader.bounds('created')
      await expect.poll(() => persistersHaveReached(reader, ends), PATIENCE).toBe(true)
    },
    skip: async () => {
      const ends = await reader.bounds('created')
      const to = new Map([...ends].map(([p, { end }]) => [p, end]))
      // Closed at once: on Kafka it commits as a member, and would keep the group's partitions.
      const mover = await connectLogReader(settings, silent)
      await mover.commit(PERSISTER_GROUP, 'created', to)
      await mover.close()
    },
    newRoom: async (id = newId()) => {
      await admin.db.insertInto('chat.rooms').values({ id, name: 'room', visibility: 'public' }).execute()
      return id
    },
    send: (...events) =>
      eventLog.appendAll('created', events.map(encodeCreated), new AbortController().signal),
    follow: (topic) => follow(eventLog, topic, 'end'),
    bodiesOf: async (roomId) => {
      const rows = await admin.db
        .selectFrom('chat.messages')
        .select('body')
        .where('room_id', '=', roomId)
        .orderBy('seq')
        .execute()
      return rows.map(({ body }) => body)
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

function muted(log: EventLog): EventLog {
  return {
    partitions: log.partitions,
    get pending() {
      return log.pending
    },
    append: (...args) => log.append(...args),
    appendAll: async (topic, ...rest) => {
      if (topic !== 'persisted') await log.appendAll(topic, ...rest)
    },
    subscribe: (options) => log.subscribe(options),
    ping: () => log.ping(),
    close: () => log.close(),
  }
}

const SENDER = newId()

export function message(roomId: string, body: string, changes: Partial<MessageCreated> = {}): MessageCreated {
  return {
    v: 1,
    eventId: newId(),
    roomId,
    senderId: SENDER,
    clientMsgId: newId(),
    body,
    acceptedAt: new Date().toISOString(),
    edgeId: 'edge-test',
    ...changes,
  }
}
