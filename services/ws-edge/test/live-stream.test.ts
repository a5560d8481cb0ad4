import { HEADERS } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { join, PATIENCE, type RunningEdge, seqsOf, suiteOnEngines, tokenFor, upTo, World } from './support.ts'

const never = new AbortController().signal

suiteOnEngines('the live stream', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let ada = ''

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    ada = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  test('fills what events skipped, and drops what they repeat', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    await join(client, room)
    const messages = await world.store(room, ada, ['1', '2', '3', '4', '5'])
    const only = (...seqs: number[]) => world.publish(messages.filter(({ seq }) => seqs.includes(seq)))
    await only(3)
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1, 2, 3, 4, 5])
    await only(1, 2, 5, 4)
    await world.say(room, ada, '6')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual(upTo(6))
  })

  test('finds what no event told of', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    await join(client, room)
    await world.store(room, ada, ['1', '2'])
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1, 2])
  })

  test('survives records that nobody of ours wrote', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    await join(client, room)
    const value = Buffer.from('nonsense')
    const headers = [
      {},
      { [HEADERS.seq]: 'x' },
      { [HEADERS.seq]: '-1' },
      { [HEADERS.seq]: '99' },
      { [HEADERS.to]: ada },
    ]
    await world.eventLog.appendAll(
      'persisted',
      headers.map((h) => ({ key: room, headers: h, value })),
      never,
    )
    await world.say(room, ada, '1')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1])
    // A record of a later build, whose value this one cannot cut: the row itself is read.
    const [second] = await world.store(room, ada, ['2'])
    if (second === undefined) throw new Error('not stored')
    await world.eventLog.appendAll(
      'persisted',
      [{ key: room, headers: { [HEADERS.seq]: String(second.seq) }, value: Buffer.from('{"v":2}') }],
      never,
    )
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1, 2])
  })

  test('reaches every socket of the room on every edge, the same frames in one order', async () => {
    await using other = await world.edge({}, { edgeId: newId() })
    const room = await world.newRoom([ada])
    const clients = [await edge.client(ada), await edge.client(ada), await other.client(ada)]
    for (const client of clients) await join(client, room)
    for (let i = 0; i < 50; i += 1) await world.say(room, ada, `${i}`)
    for (const client of clients) {
      await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual(upTo(50))
    }
    const frames = clients.map((client) => client.frames.filter(({ type }) => type === 'newMessage'))
    expect(frames[1]).toEqual(frames[0])
    expect(frames[2]).toEqual(frames[0])
    for (const client of clients) client.terminate()
  })

  test('goes on with what came while the database was away', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    await join(client, room)
    await world.say(room, ada, '1')
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1])
    world.proxy.cut()
    // Longer than a membership may go unlooked at: nothing is delivered then.
    await world.store(room, ada, ['2', '3'])
    await expect
      .poll(async () => (await edge.app.inject({ url: '/readyz' })).statusCode, { timeout: 20_000 })
      .toBe(503)
    world.proxy.heal()
    await expect.poll(() => seqsOf(client, room), { timeout: 25_000 }).toEqual([1, 2, 3])
  })

  test('of a database that was restored ends: its sockets start anew', async () => {
    const room = await world.newRoom([ada])
    const client = await edge.client(ada)
    const { epoch } = await join(client, room)
    await world.admin.db.updateTable('chat.cluster').set({ epoch: newId() }).execute()
    expect(await client.closed).toEqual({ code: 1012, reason: 'restart' })
    await expect
      .poll(async () => {
        await using again = await edge.connect({ token: tokenFor(ada) })
        return (await again.next('welcome')).epoch
      }, PATIENCE)
      .not.toBe(epoch)
  })
})
