import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { Kysely, PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { kafka, postgres, suiteOn } from '../src/index.ts'
import { type FaultProxy, faultProxy, isCommit, isProduce, isStatement, kafkaRelay } from '../src/proof.ts'

const PATIENCE = { timeout: 10_000 }
const AN_HOUR_MS = 3_600_000

/** One end of a connection, and what it has got. */
interface End {
  readonly socket: Socket
  got(): string
  /** How it ended, when it has. */
  over(): 'FIN' | 'RST' | undefined
}

function endOf(socket: Socket): End {
  let [got, over]: [string, 'FIN' | 'RST' | undefined] = ['', undefined]
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString()
  })
  socket.on('end', () => {
    over ??= 'FIN'
  })
  socket.on('error', () => {
    over ??= 'RST'
  })
  return { socket, got: () => got, over: () => over }
}

describe('the fault proxy, before a server', () => {
  const stack = { current: new AsyncDisposableStack() }
  let accepted: End[]
  let direct: string
  let proxy: FaultProxy

  beforeEach(async () => {
    stack.current = new AsyncDisposableStack()
    accepted = []
    const server = createServer((socket) => accepted.push(endOf(socket)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.current.defer(() => {
      for (const { socket } of accepted) socket.destroy()
      server.close()
    })
    direct = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
    proxy = stack.current.use(await faultProxy(direct))
  })
  afterEach(() => stack.current.disposeAsync())

  function begin(url: string): End {
    const { hostname, port } = new URL(url)
    const end = endOf(connect(Number(port), hostname))
    stack.current.defer(() => void end.socket.destroy())
    return end
  }

  async function dial(url: string): Promise<End> {
    const end = begin(url)
    await once(end.socket, 'connect')
    return end
  }

  /** A client, and the server's end of the same connection. */
  async function pair(): Promise<{ readonly client: End; readonly server: End }> {
    const before = accepted.length
    const client = await dial(proxy.url)
    await expect.poll(() => accepted.length, PATIENCE).toBe(before + 1)
    const server = accepted[before]
    if (server === undefined) throw new Error('nobody came')
    return { client, server }
  }

  /** Resolves when what was sent before, on whatever connection, would have come if it could. */
  async function meanwhile(): Promise<void> {
    const before = accepted.length
    const client = await dial(direct)
    await expect.poll(() => accepted.length, PATIENCE).toBe(before + 1)
    for (const text of ['a', 'ab', 'abc']) {
      client.socket.write(text.at(-1) ?? '')
      await expect.poll(() => accepted[before]?.got(), PATIENCE).toBe(text)
      accepted[before]?.socket.write(text.at(-1) ?? '')
      await expect.poll(client.got, PATIENCE).toBe(text)
    }
    client.socket.destroy()
  }

  const becomes = (end: End, text: string) => expect.poll(end.got, PATIENCE).toBe(text)
  const ends = (end: End, how: 'FIN' | 'RST') => expect.poll(end.over, PATIENCE).toBe(how)

  test('passes both directions and the end of a connection', async () => {
    const { client, server } = await pair()
    client.socket.write('question')
    await becomes(server, 'question')
    server.socket.end('answer')
    await becomes(client, 'answer')
    await ends(client, 'FIN')
    await expect.poll(() => proxy.connections, PATIENCE).toBe(0)
  })

  test('passes megabytes to a reader that is slow', async () => {
    const { client, server } = await pair()
    client.socket.pause()
    const text = 'x'.repeat(16 * 1024 * 1024)
    server.socket.end(text)
    await meanwhile()
    client.socket.resume()
    await expect.poll(() => client.got().length, PATIENCE).toBe(text.length)
    await ends(client, 'FIN')
  })

  test('cut ends all connections and resets new ones, until heal', async () => {
    const { client, server } = await pair()
    proxy.cut()
    await ends(client, 'FIN')
    await ends(server, 'FIN')
    await ends(begin(proxy.url), 'RST')
    expect(accepted).toHaveLength(1)
    proxy.delay(0)
    await ends(begin(proxy.url), 'RST')
    proxy.heal()
    const again = await pair()
    again.client.socket.write('hello')
    await becomes(again.server, 'hello')
  })

  test('resets clients while the server does not listen, as the server would', async () => {
    await using dead = await faultProxy('tcp://127.0.0.1:1')
    await ends(begin(dead.url), 'RST')
  })

  test('freeze holds back both directions, new connections too; heal lets everything go', async () => {
    const { client, server } = await pair()
    proxy.freeze()
    const late = await pair()
    client.socket.write('question')
    server.socket.write('answer')
    late.client.socket.write('late')
    await meanwhile()
    expect([client.got(), server.got(), late.server.got()]).toEqual(['', '', ''])
    proxy.heal()
    await becomes(server, 'question')
    await becomes(client, 'answer')
    await becomes(late.server, 'late')
  })

  test('mute loses what the server sends and passes what clients send', async () => {
    const { client, server } = await pair()
    proxy.mute()
    server.socket.write('lost')
    client.socket.write('question')
    await becomes(server, 'question')
    await meanwhile()
    proxy.heal()
    server.socket.write('answer')
    await becomes(client, 'answer')
  })

  test('deafen loses what clients send and passes what the server sends', async () => {
    const { client, server } = await pair()
    proxy.deafen()
    client.socket.write('lost')
    server.socket.write('news')
    await becomes(client, 'news')
    await meanwhile()
    proxy.heal()
    client.socket.write('question')
    await becomes(server, 'question')
  })

  test('delay holds everything back for as long, in order, or until heal', async () => {
    const { client, server } = await pair()
    proxy.delay(20)
    for (const text of ['one ', 'two ', 'three']) client.socket.write(text)
    await becomes(server, 'one two three')
    server.socket.write('answer')
    await becomes(client, 'answer')
    proxy.delay(AN_HOUR_MS)
    client.socket.write(' four')
    server.socket.write(' more')
    await meanwhile()
    expect([server.got(), client.got()]).toEqual(['one two three', 'answer'])
    proxy.heal()
    await becomes(server, 'one two three four')
    await becomes(client, 'answer more')
  })

  test('delay does not lose what the server sent before it closed', async () => {
    const { client, server } = await pair()
    proxy.delay(20)
    server.socket.end('last words')
    await becomes(client, 'last words')
    await ends(client, 'FIN')
  })

  test('limit lets through a little at a time', async () => {
    const { client, server } = await pair()
    proxy.limit(1000)
    const text = 'x'.repeat(100_000)
    server.socket.write(text)
    await expect.poll(() => client.got().length, PATIENCE).toBeGreaterThan(0)
    expect(client.got().length).toBeLessThan(text.length)
    proxy.heal()
    await becomes(client, text)
  })

  test('reset gives both ends of present connections an RST', async () => {
    const { client, server } = await pair()
    proxy.reset()
    await ends(client, 'RST')
    await ends(server, 'RST')
    const again = await pair()
    again.client.socket.write('hello')
    await becomes(again.server, 'hello')
  })

  test('resetAfter resets as many next connections as told after as many bytes of both directions', async () => {
    const sizes = [5, 8]
    proxy.resetAfter(() => sizes.shift() ?? 0, 2)
    for (const passed of ['67', '67890']) {
      const { client, server } = await pair()
      client.socket.write('123')
      await becomes(server, '123')
      server.socket.write('67890abc')
      await ends(client, 'RST')
      await ends(server, 'RST')
      expect(client.got()).toBe(passed)
    }
    const { client, server } = await pair()
    server.socket.write('x'.repeat(1000))
    await becomes(client, 'x'.repeat(1000))
  })

  test('heal takes resetAfter back, also from a connection that is made already', async () => {
    proxy.resetAfter(5, 2)
    const { client, server } = await pair()
    proxy.heal()
    server.socket.write('longer than that')
    await becomes(client, 'longer than that')
    const next = await pair()
    next.server.socket.write('longer than that')
    await becomes(next.client, 'longer than that')
  })

  test('forget keeps connections open that lead nowhere', async () => {
    const { client, server } = await pair()
    proxy.forget()
    client.socket.write('lost')
    const again = await pair()
    again.client.socket.write('hello')
    await becomes(again.server, 'hello')
    client.socket.destroy()
    await meanwhile()
    expect([server.got(), server.over()]).toEqual(['', undefined])
  })

  test('loseNextReply passes the request that matches, keeps its reply, and ends the connection', async () => {
    const { client, server } = await pair()
    const bystander = await pair()
    const lost = proxy.loseNextReply((request) => request.includes('write'))
    client.socket.write('read')
    await becomes(server, 'read')
    server.socket.write('value')
    await becomes(client, 'value')
    client.socket.write('write')
    await becomes(server, 'readwrite')
    server.socket.write('done')
    expect(await lost).toBe(true)
    await ends(client, 'FIN')
    expect(client.got()).toBe('value')
    bystander.client.socket.write('write')
    await becomes(bystander.server, 'write')
    bystander.server.socket.write('done')
    await becomes(bystander.client, 'done')
  })

  test('loseNextReply waits for another request when the connection ends before the reply', async () => {
    const lost = proxy.loseNextReply()
    const first = await pair()
    first.client.socket.write('question')
    await becomes(first.server, 'question')
    first.client.socket.destroy()
    await expect.poll(() => proxy.connections, PATIENCE).toBe(0)
    const second = await pair()
    second.client.socket.write('question')
    await becomes(second.server, 'question')
    second.server.socket.write('answer')
    expect(await lost).toBe(true)
    await ends(second.client, 'FIN')
    expect(second.client.got()).toBe('')
  })

  test('heal takes loseNextReply back', async () => {
    const [waiting, begun] = [proxy.loseNextReply((it) => it.includes('never')), proxy.loseNextReply()]
    const { client, server } = await pair()
    client.socket.write('question')
    await becomes(server, 'question')
    proxy.heal()
    expect([await waiting, await begun]).toEqual([false, false])
    server.socket.write('answer')
    await becomes(client, 'answer')
  })
})

suiteOn(['postgres'], 'the fault proxy, before PostgreSQL', () => {
  test('a commit whose answer is lost has happened, by whatever means it was sent', async () => {
    await using database = await postgres()
    await using proxy = await faultProxy(database.url)
    const direct = new Client({ connectionString: database.url })
    await direct.connect()
    await direct.query('CREATE TABLE notes (text text)')
    const stored = async () => (await direct.query('SELECT text FROM notes')).rows.map(({ text }) => text)
    const pool = new Pool({ connectionString: proxy.url, max: 1 })
    pool.on('connect', (client) => client.on('error', () => undefined))
    // biome-ignore lint/suspicious/noExplicitAny: one table, and nothing is asked of it.
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const note = (text: string) =>
      db.transaction().execute((trx) => trx.insertInto('notes').values({ text }).execute())

    let lost = proxy.loseNextReply(isCommit)
    await expect(note('kysely')).rejects.toThrow()
    expect(await lost).toBe(true)
    expect(await stored()).toEqual(['kysely'])

    lost = proxy.loseNextReply(isStatement(/^insert into notes/i))
    await expect(pool.query('INSERT INTO notes VALUES ($1)', ['autocommit'])).rejects.toThrow()
    expect(await lost).toBe(true)
    expect(await stored()).toEqual(['kysely', 'autocommit'])

    await note('after')
    expect(await stored()).toEqual(['kysely', 'autocommit', 'after'])
    await db.destroy()
    await direct.end()
  })
})

suiteOn(['kafka'], "the fault proxies before Kafka's brokers", () => {
  test('are all that clients see, and lose the reply to a produce request that was carried out', async () => {
    await using log = await kafka()
    await using relay = await kafkaRelay(log.brokers)
    const topic = `${log.namespace}.topic`
    const direct = new Kafka({ brokers: [...log.brokers], logLevel: logLevel.NOTHING }).admin()
    await direct.connect()
    await direct.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    const stored = async () => Number((await direct.fetchTopicOffsets(topic))[0]?.high)
    const through = new Kafka({ clientId: 'tester', brokers: [...relay.brokers], logLevel: logLevel.NOTHING })
    const admin = through.admin()
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    expect(brokers.map(({ host, port }) => `${host}:${port}`).toSorted()).toEqual(relay.brokers.toSorted())
    await admin.disconnect()

    const producer = through.producer({ retry: { retries: 0 } })
    await producer.connect()
    const send = () => producer.send({ topic, acks: -1, messages: [{ value: 'hello' }] })
    await send()
    const lost = Promise.race(relay.proxies.map((proxy) => proxy.loseNextReply(isProduce)))
    await expect(send()).rejects.toThrow()
    expect(await lost).toBe(true)
    expect(await stored()).toBe(2)
    for (const proxy of relay.proxies) proxy.heal()
    await producer.connect()
    await send()
    expect(await stored()).toBe(3)
    expect(relay.produced).toEqual(Array(3).fill({ clientId: 'tester', acks: -1 }))
    await producer.disconnect()
    await direct.disconnect()
  })
})
