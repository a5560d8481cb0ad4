import { hostname } from 'node:os'
import { connect, type Database } from '@roomlog/db'
import { connectEventLog, type EventLog } from '@roomlog/event-log'
import { broadcastGroup, PARTITIONS_DEFAULT, partitionOf } from '@roomlog/events'
import type { Session } from '@roomlog/protocol/wire'
import { keep, namespace, PASSWORD, type TestClient, testClient } from '@roomlog/testkit'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { expect } from 'vitest'
import { kafkaPositions, type Positions, postgresPositions } from './acceptance-positions.ts'
import { type Engine, type RunningRoomlog, startRoomlog, untilEnded } from './running-roomlog.ts'

export const PATIENCE = { timeout: 30_000 }

// biome-ignore lint/suspicious/noExplicitAny: what a caller sees is JSON
export type Json = Record<string, any>

interface Answer {
  readonly status: number
  readonly body: Json
}

/** A service that was ended while the starter is held, so that no successor comes. Disposing lets the starter go on. */
export interface StoppedService extends Disposable {
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
  /** Lets the starter go on; resolves when the successor is ready. */
  again(): Promise<void>
}

/** A running Roomlog, and what lies behind it, to look at. */
export interface World extends AsyncDisposable {
  readonly engine: Engine['name']
  readonly env: Readonly<Record<string, string>>
  readonly roomlog: RunningRoomlog
  /** As a superuser, past the services' roles. */
  readonly database: Database
  readonly eventLog: EventLog
  readonly positions: Positions
  /** Of the full engine; keys begin with `prefix`. */
  readonly redis: Redis | undefined
  readonly prefix: string
  register(name: string): Promise<Somebody>
  /** SIGTERM. */
  stopService(name: string): Promise<StoppedService>
}

export interface WorldOptions {
  readonly edges?: number
  /** What the services get in place of the engine's own settings. */
  readonly change?: (env: World['env']) => Promise<World['env']>
}

export async function startWorld(engine: Engine, options: WorldOptions = {}): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const { env } = stack.use(await engine.prepare())
  const { edges = 1, change = async () => ({}) } = options
  const roomlog = stack.use(
    await startRoomlog({
      env: { ...env, REGISTRATIONS_PER_MINUTE: '1000', LOGINS_PER_MINUTE: '1000', ...(await change(env)) },
      edges,
    }),
  )
  const { databaseUrl } = await roomlog.state()
  const database = connect({ url: databaseUrl, applicationName: 'acceptance' })
  stack.defer(() => database.close())
  const ns = env.NAMESPACE ?? ''
  const brokers = env.KAFKA_BROKERS?.split(',') ?? []
  const eventLog = await connectEventLog(
    {
      engine: engine.name,
      namespace: ns,
      partitions: PARTITIONS_DEFAULT,
      clientId: `acceptance-${namespace()}`,
      sessionTimeoutMs: 10_000,
      kafka: { brokers },
      database,
    },
    pino({ level: 'silent' }),
  )
  stack.defer(() => eventLog.close())
  const positions = stack.use(
    engine.name === 'full' ? await kafkaPositions(brokers, ns) : postgresPositions(database.db),
  )
  const redis = env.REDIS_URL === undefined ? undefined : new Redis(env.REDIS_URL)
  stack.defer(() => redis?.disconnect())
  const parts = { engine: engine.name, env, roomlog, database, eventLog, positions, redis }
  const everything = stack.move()
  return {
    ...parts,
    prefix: ns === '' ? '' : `${ns}:`,
    register: (name) => Somebody.register(roomlog, name),
    stopService: (name) => stopService(roomlog, name),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

async function stopService(roomlog: RunningRoomlog, name: string): Promise<StoppedService> {
  const { pid: starter, services } = await roomlog.state()
  const service = services.find((it) => it.name === name)
  if (service?.pid === undefined) throw new Error(`${name} does not run`)
  process.kill(starter, 'SIGSTOP')
  process.kill(service.pid, 'SIGTERM')
  const ended = untilEnded([service.pid])
  const pidNow = async () => (await roomlog.state()).services.find((it) => it.name === name)?.pid
  return {
    ended,
    again: async () => {
      await ended
      process.kill(starter, 'SIGCONT')
      await expect.poll(async () => [undefined, service.pid].includes(await pidNow()), PATIENCE).toBe(false)
      const status = () =>
        fetch(`http://localhost:${service.port}/readyz`).then(
          (answer) => answer.status,
          () => 0,
        )
      await expect.poll(status, PATIENCE).toBe(200)
    },
    [Symbol.dispose]: () => void process.kill(starter, 'SIGCONT'),
  }
}

/** The consumer group of the one edge, which names itself by host and port. */
export async function edgeGroup({ roomlog }: World): Promise<string> {
  const edge = (await roomlog.state()).services.find(({ name }) => name === 'ws-edge')
  return broadcastGroup(`${hostname()}-${edge?.port}`)
}

export function partitionOfRoom(roomId: string): number {
  return partitionOf(roomId, PARTITIONS_DEFAULT)
}

/** One who registered. */
export class Somebody {
  readonly roomlog: RunningRoomlog
  readonly session: Session

  private constructor(roomlog: RunningRoomlog, session: Session) {
    this.roomlog = roomlog
    this.session = session
  }

  static async register(roomlog: RunningRoomlog, name: string): Promise<Somebody> {
    const username = uniqueName(name)
    const { status, body } = await call(roomlog.apiUrl, 'POST', '/auth/register', {
      username,
      password: PASSWORD,
      displayName: name,
    })
    expect(status).toBe(201)
    return new Somebody(roomlog, body as Session)
  }

  get id(): string {
    return this.session.user.id
  }

  call(method: string, path: string, body?: object): Promise<Answer> {
    return call(this.roomlog.apiUrl, method, path, body, this.session.accessToken)
  }

  async newRoom(...others: readonly Somebody[]): Promise<string> {
    const roomId: string = (await this.call('POST', '/rooms', { name: 'Acceptance' })).body.room.id
    for (const other of others) await other.call('POST', `/rooms/${roomId}/join`)
    return roomId
  }

  /** A socket that has had its welcome, and is in the room if one is named. */
  async connect(roomId?: string, url = this.roomlog.wsUrl): Promise<TestClient> {
    const client = await testClient(url, { token: this.session.accessToken })
    await client.next('welcome')
    if (roomId !== undefined) {
      client.send({ type: 'joinRoom', roomId })
      await client.next('joinedRoom')
    }
    return client
  }

  async isOnline(other: Somebody, roomId: string): Promise<boolean | null> {
    const { members } = (await this.call('GET', `/rooms/${roomId}/members`)).body
    return members.find((member: Json) => member.user.id === other.id)?.online
  }
}

export async function call(
  apiUrl: string,
  method: string,
  path: string,
  body?: object,
  token?: string,
): Promise<Answer> {
  const answer = await fetch(apiUrl + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  keep('people', `${text}\n`)
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
}

export function uniqueName(name: string): string {
  return `${name}_${crypto.randomUUID().slice(0, 8)}`
}

/** Sends and waits for the ack. */
export function send(client: TestClient, roomId: string, body: string, more: object = {}) {
  const frame = { type: 'sendMessage', roomId, clientMsgId: crypto.randomUUID(), body, ...more }
  client.send(frame)
  return client.next(({ type, clientMsgId }) => type === 'ack' && clientMsgId === frame.clientMsgId)
}

/** The messages of a room that the socket has got, in order. */
export function messagesOf(client: TestClient, roomId: string): readonly Json[] {
  return client.frames
    .flatMap((frame) => (frame.type === 'newMessage' ? [frame.message as Json] : []))
    .filter((message) => message.roomId === roomId)
}

/** The room's rows, in order. */
export function rowsOf({ database }: World, roomId: string) {
  return database.db
    .selectFrom('chat.messages')
    .selectAll()
    .where('room_id', '=', roomId)
    .orderBy('seq')
    .execute()
}

export function upTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
