import type { Message } from '@roomlog/protocol'
import { crashPoint } from '@roomlog/service-kit'
import { type MessageStore, StoreConflict } from './message-store.ts'
import { mintIds } from './mint-ids.ts'
import type { JudgedRow, NewRow } from './store-sql.ts'
import type { Candidate, Verdict } from './verdict.ts'

/** Records of one partition, in its order. */
export interface Batch {
  readonly partition: number
  readonly candidates: readonly Candidate[]
}

/**
 * Stores batches of several partitions in one transaction; for each, one verdict for each of its records. Throws
 * `StoreConflict` and the driver's errors, having stored nothing — or, when the connection broke at the commit, perhaps
 * everything: the same call again is safe. `freshId` makes ULIDs of now; default: of this process's clock.
 */
export async function storeBatches(
  store: MessageStore,
  batches: readonly Batch[],
  freshId?: () => string,
): Promise<readonly (readonly Verdict[])[]> {
  const all = batches.flatMap(({ partition, candidates }) =>
    candidates.map((candidate) => ({ partition, candidate })),
  )
  if (all.length === 0) return batches.map(() => [])
  const roomIds = [...new Set(all.map(({ candidate }) => candidate.event.roomId))]
  const judged = await store.transaction(async (trx) => {
    const locked = await trx.lockRooms(roomIds)
    const lastIds = new Map(locked.map(({ id, lastMessageId }) => [id, lastMessageId]))
    return trx.storeRows(roomIds, rowsOf(all, lastIds, freshId))
  })
  crashPoint('after_db_commit')
  let at = 0
  return batches.map(({ candidates }) =>
    candidates.map((candidate) => {
      at += 1
      return verdictOf(candidate, judged[at - 1])
    }),
  )
}

function rowsOf(
  all: readonly { readonly partition: number; readonly candidate: Candidate }[],
  lastIds: ReadonlyMap<string, string | null>,
  freshId?: () => string,
): readonly NewRow[] {
  const ids = mintIds(
    all.map(({ candidate }) => candidate.event.roomId),
    lastIds,
    freshId,
  )
  return all.map(({ partition, candidate: { record, event } }, index) => ({
    id: ids[index] ?? '',
    roomId: event.roomId,
    senderId: event.senderId,
    clientMsgId: event.clientMsgId,
    body: event.body,
    createdAt: event.acceptedAt,
    sourcePartition: partition,
    sourceOffset: record.offset,
  }))
}

function verdictOf(candidate: Candidate, row: JudgedRow | undefined): Verdict {
  const { record, event } = candidate
  switch (row?.status) {
    case 'stored':
    case 'redelivered':
      return { kind: row.status, message: messageOf(candidate, row), epoch: row.epoch }
    case 'duplicate':
      return { kind: 'duplicate' }
    case 'reused':
      return { kind: 'reused', event }
    case 'no_room': {
      const detail = 'no such room'
      return {
        kind: 'dead',
        record,
        reason: 'room_not_found',
        detail,
        code: 'room_not_found',
        address: event,
      }
    }
    case undefined:
      throw new StoreConflict('fewer rows came back than were given')
  }
}

/** Body and key are the event's: a stored row that differs in them is judged `reused`. */
function messageOf({ event }: Candidate, row: JudgedRow): Message {
  return {
    id: row.id,
    roomId: event.roomId,
    seq: row.seq,
    kind: 'message',
    senderId: event.senderId,
    clientMsgId: event.clientMsgId,
    body: event.body,
    createdAt: row.createdAt.toISOString(),
  }
}
