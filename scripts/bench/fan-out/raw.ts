import { costOf } from './cost.ts'
import type { Crowd, ServedSocket } from './crowd.ts'
import { type Told, Writer } from './edge.ts'

/** What a socket is sent of a batch. */
export type Send = (socket: ServedSocket) => void

/** Writes past the product, what sockets can do at most: CPU µs a message and socket. */
export async function written(
  crowd: Crowd,
  times: number,
  burst: number,
  sendOf: (batch: readonly Told[]) => Send,
): Promise<number> {
  await crowd.readers.settle()
  const writer = new Writer()
  const batches = Array.from({ length: times }, () => writer.next(burst))
  const { cpu } = await costOf(times * burst * crowd.sockets.length, async () => {
    for (const batch of batches) {
      const received = crowd.readers.received(bytesOf(batch) * crowd.sockets.length)
      const send = sendOf(batch)
      for (const socket of crowd.sockets) send(socket)
      await received
    }
  })
  return cpu
}

export function concatenated(batch: readonly Told[]): Send {
  const bytes = Buffer.concat(batch.map(({ frame }) => frame))
  return ({ tcp }) => tcp.write(bytes)
}

export function oneByOne(batch: readonly Told[]): Send {
  const texts = batch.map(({ text }) => text)
  return ({ ws }) => {
    for (const text of texts) ws.send(text)
  }
}

export function bytesOf(batch: readonly Told[]): number {
  return batch.reduce((sum, { frame }) => sum + frame.length, 0)
}
