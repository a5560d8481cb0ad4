import { encodeCreated, type MessageCreated } from '@roomlog/events'
import type { Candidate } from '@roomlog/persister/verdict'
import { newId } from '@roomlog/protocol'

/** As many records as a persister takes at once. */
export const BATCH_ROWS = 500
const SENDERS = Array.from({ length: 100 }, () => newId())
/** A sentence of two. */
const BODY = 'Every message of a room has its number, and there is no hole between two of them. 안녕하세요'

/** New messages, of as many rooms as there are in turn, from as many senders. */
export function newBatches(rooms: readonly string[], batches: number): readonly (readonly Candidate[])[] {
  const [room, sender] = [inTurn(rooms), inTurn(SENDERS)]
  let offset = 0n
  const candidate = (): Candidate => {
    offset += 1n
    const event: MessageCreated = {
      v: 1,
      eventId: newId(),
      roomId: room(),
      senderId: sender(),
      clientMsgId: crypto.randomUUID(),
      body: BODY,
      acceptedAt: new Date().toISOString(),
      edgeId: 'bench',
    }
    const { key, value } = encodeCreated(event)
    return { record: { key, value, headers: {}, offset }, event }
  }
  return Array.from({ length: batches }, () => Array.from({ length: BATCH_ROWS }, candidate))
}

function inTurn(values: readonly string[]): () => string {
  let next = 0
  return () => values[next++ % values.length] ?? ''
}
