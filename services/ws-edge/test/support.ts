import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { connect, type Database, migrate, ROLES } from '@roomlog/db'
import { connectEventLog, createTopics, type EventLog, type LogRecord } from '@roomlog/event-log'
import { decodeCreated, encodePersisted, type MessageCreated } from '@roomlog/events'
import { connectLive, type Live } from '@roomlog/live'
import { type Message, newId, TOKEN_ISSUER, TOKEN_TYPE } from '@roomlog/protocol'
import {
  type DependencyKind,
  type FaultProxy,
  faultProxy,
  follow,
  kafka,
  namespace,
  postgres,
  redis,
  suiteLog,
  suiteOn,
  type TestClient,
  type TestClientOptions,
  testClient,
} from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, vi } from 'vitest'
import { buildApp, type Overrides } from '../src/app.ts'
import { type Config, parseConfig } from '../src/config.ts'

export const silent = pino({ level: 'silent' })
export const PATIENCE = { timeout: 20_000 }
const PARTITIONS = 3

type EngineName = 'embedded' | 'full'
const NEEDS: Readonly<Record<EngineName, readonly DependencyKind[]>> = {
  embedded: ['postgres'],
  full: ['postgres', 'kafka', 'redis'],
}

/** The same suite over both engines. */
export function suiteOnEngines(name: string, body: (engine: EngineName) => void): void {
  for (const engine of ['embedded', 'full'] as const) {
    suiteOn(NEEDS[engine], `${name}, on the ${engine} engine`, () => body(engine))
  }
}

export interface RunningEdge extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly url: string
  connect(options?: TestClientOptions): Promise<TestClient>
  /** A connected client of the user that has had its welcome. */
  client(userId: string, token?: string): Promise<TestClient>
}

/** Servers of an engine, with what the tests do in place of the other services. */
export class World implements AsyncDisposable {
  readonly config: Config
  readonly admin: Database
  readonly eventLog: EventLog
  readonly live: Live
  /** In front of the database, for the edges alone. */
  readonly proxy: FaultProxy
  /** All that edges have published. */
  readonly created: readonly LogRecord[]
  readonly #stack: AsyncDisposableStack

  private constructor(
    parts: Pick<World, 'config' | 'admin' | 'eventLog' | 'live' | 'proxy' | 'created'>,
    stack: AsyncDisposableStack,
  ) {
    this.config = parts.config
    this.admin = parts.admin
    this.eventLog = parts.eventLog
    this.live = parts.live
    this.proxy = parts.proxy
    this.created = parts.created
    this.#stack = stack
  }

  static async start(engine: EngineName): Promise<World> {
    await using stack = new AsyncDisposableStack()
    const ns = namespace()
    const server = stack.use(await postgres())
    await migrate(server.url)
    const proxy = stack.use(await faultProxy(server.url))
    const broker = engine === 'full' ? stack.use(await kafka(ns)) : undefined
    const store = engine === 'full' ? stack.use(await redis(ns)) : undefined
    const config = parseConfig({
      ENGINE: engine,
      NAMESPACE: ns,
      DATABASE_URL: proxy.url,
      DATABASE_ROLE: ROLES.edge,
      KAFKA_BROKERS: broker?.brokers.join(),
      REDIS_URL: store?.url,
      PARTITIONS: String(PARTITIONS),
      PORT: '0',
      EDGE_ID: 'edge-test',
      LOG_LEVEL: 'silent',
      JWT_PUBLIC_KEYS: JSON.stringify([KEYS.publicJwk]),
      ALLOWED_ORIGINS: 'https://chat.example.org',
    })
    const admin = connect({ url: server.url, applicationName: 'edge-test' })
    stack.defer(() => admin.close())
    const log = { ...config.eventLog, database: admin }
    await createTopics({ ...log, replicationFactor: 1 }, silent)
    const eventLog = await connectEventLog(
      { ...log, clientId: 'edge-test', sessionTimeoutMs: 10_000 },
      silent,
    )
    stack.defer(() => eventLog.close())
    const live = connectLive({ ...config.live, database: admin }, silent)
    stack.defer(() => live.close())
    const created = await follow(eventLog, 'created')
    return new World({ config, admin, eventLog, live, proxy, created }, stack.move())
  }

  /** An edge that is ready. */
  async edge(overrides: Overrides = {}, changed: Partial<Config> = {}): Promise<RunningEdge> {
    const onFatal = (error: Error) => expect.fail(String(error.cause))
    const app = await buildApp({ ...this.config, ...changed }, { log: suiteLog(), onFatal, ...overrides })
    await app.listen({ host: '127.0.0.1', port: 0 })
    await vi.waitFor(
      async () => expect((await app.inject({ url: '/readyz' })).statusCode).toBe(200),
      PATIENCE,
    )
    const url = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/ws`
    const connectTo = (options: TestClientOptions = {}) => testClient(url, options)
    return {
      app,
      url,
      connect: connectTo,
      client: async (userId, token = tokenFor(userId)) => {
        const client = await connectTo({ token })
        await client.next('welcome')
        return client
      },
      [Symbol.asyncDispose]: async () => {
        await app.close()
      },
    }
  }

  async newUser(): Promise<string> {
    const id = newId()
    const row = { id, username: id.toLowerCase(), display_name: 'Somebody', password_hash: null }
    await this.admin.db.insertInto('chat.users').values(row).execute()
    return id
  }

  async newRoom(members: readonly string[], visibility: 'public' | 'private' = 'public'): Promise<string> {
    const id = newId()
    const room = { id, name: 'room', visibility, member_count: members.length }
    await this.admin.db.insertInto('chat.rooms').values(room).execute()
    for (const user_id of members) {
      await this.admin.db
        .insertInto('chat.room_members')
        .values({ room_id: id, user_id, role: 'member' })
        .execute()
    }
    return id
  }

  /** As api does it, but for the signal. Resolves with the version that the removal made. */
  async remove(roomId: string, userId: string): Promise<number> {
    return this.admin.db.transaction().execute(async (trx) => {
      const { member_version } = await trx
        .updateTable('chat.rooms')
        .set({ member_version: sql`member_version + 1` })
        .where('id', '=', roomId)
        .returning('member_version')
        .executeTakeFirstOrThrow()
      await trx
        .deleteFrom('chat.room_members')
        .where('room_id', '=', roomId)
        .where('user_id', '=', userId)
        .execute()
      return member_version
    })
  }

  /** Stores messages as the persister does, in one transaction; tells nobody. */
  async store(roomId: string, senderId: string, bodies: readonly string[]): Promise<readonly Message[]> {
    return this.admin.db.transaction().execute(async (trx) => {
      const { last_seq } = await trx
        .selectFrom('chat.rooms')
        .select('last_seq')
        .where('id', '=', roomId)
        .forUpdate()
        .executeTakeFirstOrThrow()
      const messages = bodies.map((body, index): Message => {
        const createdAt = new Date().toISOString()
        const [id, clientMsgId, seq] = [newId(), newId(), last_seq + index + 1]
        return { id, roomId, seq, kind: 'message', senderId, clientMsgId, body, createdAt }
      })
      const rows = messages.map(({ id, seq, clientMsgId, body, createdAt }) => ({
        id,
        room_id: roomId,
        seq,
        sender_id: senderId,
        client_msg_id: clientMsgId,
        body,
        created_at: new Date(createdAt),
        source_partition: 0,
        source_offset: 0,
      }))
      await trx.insertInto('chat.messages').values(rows).execute()
      await trx
        .updateTable('chat.rooms')
        .set({ last_seq: last_seq + bodies.length, last_message_id: messages.at(-1)?.id ?? null })
        .where('id', '=', roomId)
        .execute()
      return messages
    })
  }

  async publish(messages: readonly Message[]): Promise<void> {
    const { epoch } = await this.admin.db.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
    await this.eventLog.appendAll(
      'persisted',
      messages.map((it) => encodePersisted(it, epoch)),
      new AbortController().signal,
    )
  }

  /** Stores and tells. */
  async say(roomId: string, senderId: string, ...bodies: readonly string[]): Promise<readonly Message[]> {
    const messages = await this.store(roomId, senderId, bodies)
    await this.publish(messages)
    return messages
  }

  /** What edges have published of a room. */
  createdIn(roomId: string): readonly MessageCreated[] {
    return this.created
      .filter(({ key }) => key === roomId)
      .map(({ value }) => decodeCreated(value))
      .flatMap((decoded) => (decoded.kind === 'event' ? [decoded.event] : []))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

/** The seqs of a room's messages that the client has got, in order. */
export function seqsOf(client: TestClient, roomId: string): readonly number[] {
  return messagesOf(client, roomId).map(({ seq }) => seq)
}

export function messagesOf(client: TestClient, roomId: string): readonly Message[] {
  return client.frames
    .flatMap((frame) => (frame.type === 'newMessage' ? [frame.message as Message] : []))
    .filter((message) => message.roomId === roomId)
}

export function upTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

/** Joins and waits for the answer. */
export async function join(client: TestClient, roomId: string, afterSeq?: number) {
  client.send({ type: 'joinRoom', roomId, ...(afterSeq === undefined ? {} : { afterSeq }) })
  return client.next((frame) => frame.type === 'joinedRoom' && frame.roomId === roomId)
}

interface TokenParts {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
}

function newKeys() {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { kty, crv, x } = privateKey.export({ format: 'jwk' })
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
  return { privateKey, publicJwk: { kty, crv, x, kid } }
}

const KEYS = newKeys()
export const PUBLIC_JWK = KEYS.publicJwk
export const OTHER_KEYS = newKeys()

/** An access token, spelled out: what api mints is checked here from the standard's side. */
export function tokenFor(userId: string, { claims, header }: TokenParts = {}, keys = KEYS): string {
  const nowS = Math.floor(Date.now() / 1000)
  const body = {
    iss: TOKEN_ISSUER,
    aud: ['roomlog-api', 'roomlog-ws'],
    sub: userId,
    sid: newId(),
    jti: newId(),
    iat: nowS,
    exp: nowS + 900,
    ...claims,
  }
  const head = { alg: 'EdDSA', typ: TOKEN_TYPE, kid: keys.publicJwk.kid, ...header }
  const signed = [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${sign(null, Buffer.from(signed), keys.privateKey).toString('base64url')}`
}
