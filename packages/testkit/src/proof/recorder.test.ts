import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Recorder, readHistory, type Unstamped } from './recorder.ts'
import { ROOM, row, userOf } from './told-history.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomlog-recorder-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const textOf = (client: string) => readFileSync(join(folder, `${client}.jsonl`), 'utf8')

function send(client: string, clientMsgId: string): Unstamped {
  return {
    ...{ type: 'send', client, userId: userOf(client), roomId: ROOM, clientMsgId },
    ...{ body: 'text', attempt: 1, connection: `${client}-1` },
  }
}

function live(client: string, seq: number): Unstamped {
  return { type: 'live', client, connection: `${client}-1`, roomId: ROOM, ...row(seq, 'ann', `m${seq}`) }
}

test('an invocation is on disk when write returns, behind what was seen before it', () => {
  const recorder = Recorder.open(folder)
  recorder.of('ann').write(live('ann', 1))
  const t = recorder.of('ann').write(send('ann', 'm2'))
  const lines = textOf('ann').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { t: expect.any(Number), ...live('ann', 1) },
    { t, ...send('ann', 'm2') },
  ])
  recorder.close()
})

test('what was seen is on disk when the recorder is closed', () => {
  const recorder = Recorder.open(folder)
  recorder.of('ann').write(live('ann', 1))
  recorder.of('bob').write(live('bob', 1))
  recorder.close()
  expect([textOf('ann'), textOf('bob')].map((text) => JSON.parse(text))).toMatchObject([
    live('ann', 1),
    live('bob', 1),
  ])
})

test('a row that several saw is read as each saw it', () => {
  const recorder = Recorder.open(folder)
  const messages = [row(1, 'ann', 'm1'), row(2, 'ann', 'm2'), row(3, 'ann', 'm2', 'changed')]
  const page = { roomId: ROOM, head: 3, hasMore: false, final: true, messages } as const
  const written: readonly Unstamped[] = [
    ...[live('ann', 1), live('ann', 2), { ...live('bob', 1), body: 'changed' } as Unstamped],
    ...[{ type: 'page', client: 'ann', read: 'r1', ...page } as const, live('bob', 2)],
  ]
  for (const entry of written) recorder.of('ann').write(entry)
  recorder.close()
  expect(readHistory(folder).map(({ t, ...entry }) => entry)).toEqual(written)
})

test('what several clients wrote is read in the order of time', () => {
  const recorder = Recorder.open(folder)
  const order = ['bob', 'ann', 'ann', 'cat', 'bob', 'ann']
  const times = order.map((client, i) => recorder.of(client).write(send(client, `m${i}`)))
  recorder.close()
  const history = readHistory(folder)
  expect(history).toEqual(order.map((client, i) => ({ t: times[i], ...send(client, `m${i}`) })))
})

test('what one client wrote at one time stays in its order', () => {
  const lines = ['m2', 'm1', 'm3'].map((id) => JSON.stringify({ t: 1, ...send('ann', id) }))
  appendFileSync(join(folder, 'ann.jsonl'), lines.join('\n'))
  expect(readHistory(folder)).toMatchObject(['m2', 'm1', 'm3'].map((clientMsgId) => ({ clientMsgId })))
})

test('a last line that was torn is left out', () => {
  const recorder = Recorder.open(folder)
  recorder.of('ann').write(send('ann', 'm1'))
  recorder.close()
  appendFileSync(join(folder, 'ann.jsonl'), textOf('ann').slice(0, -20))
  expect(readHistory(folder)).toMatchObject([send('ann', 'm1')])
})

test('a line that was torn anywhere else is an error', () => {
  const recorder = Recorder.open(folder)
  recorder.of('ann').write(send('ann', 'm1'))
  recorder.close()
  const line = textOf('ann')
  appendFileSync(join(folder, 'ann.jsonl'), `${line.slice(0, -20)}\n${line}`)
  expect(() => readHistory(folder)).toThrow('ann.jsonl has a line that is no JSON')
})

test('nothing is written after the end', () => {
  const recorder = Recorder.open(folder)
  const ann = recorder.of('ann')
  ann.write(send('ann', 'm1'))
  recorder.close()
  ann.write(send('ann', 'm2'))
  ann.write(live('ann', 1))
  recorder.close()
  expect(readHistory(folder)).toMatchObject([send('ann', 'm1')])
})
