import type { Socket } from 'node:net'

/** More than this waits in the sender. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** A limit is kept over spans of this length. */
const LIMIT_SPAN_MS = 50

export interface Pace {
  readonly delayMs: number
  readonly bytesPerSecond: number
}

export const FULL_PACE: Pace = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }

/** `open`: passes everything. `held`: keeps it. `lossy`: swallows it. */
export type LaneState = 'open' | 'held' | 'lossy'

/** One direction of a connection. */
export interface Lane {
  /** For what comes from now on; a full pace also lets go what waits. */
  set(state: LaneState, pace: Pace): void
  /** Passes nothing more, not even the end, and reads nothing more. */
  abandon(): void
}

interface Waiting {
  /** None: the end. */
  readonly bytes?: Buffer
  dueMs: number
}

/** Carries from one socket to the other what `messages` makes of it; `write` does the last step. */
export function lane(
  from: Socket,
  to: Socket,
  messages: (chunk: Buffer) => readonly Buffer[],
  write: (bytes: Buffer) => void,
): Lane {
  let [state, pace, closed]: [LaneState, Pace, boolean] = ['open', FULL_PACE, false]
  let [waitingBytes, freeAtMs]: [number, number] = [0, 0]
  let timer: NodeJS.Timeout | undefined
  const waiting: Waiting[] = []

  const flow = () => {
    clearTimeout(timer)
    for (let first = waiting[0]; first !== undefined && !stuck(); first = waiting[0]) {
      const waitMs = first.dueMs - performance.now()
      if (waitMs > 0) {
        timer = setTimeout(flow, waitMs)
        break
      }
      waiting.shift()
      waitingBytes -= first.bytes?.length ?? 0
      if (first.bytes === undefined) to.end()
      else write(first.bytes)
    }
    if (closed && waiting.length === 0) to.destroySoon()
    from[stuck() || waitingBytes > MAX_WAITING_BYTES ? 'pause' : 'resume']()
  }
  const stuck = () => state === 'held' || to.writableNeedDrain
  const put = (bytes?: Buffer) => {
    freeAtMs = Math.max(freeAtMs, performance.now()) + ((bytes?.length ?? 0) / pace.bytesPerSecond) * 1000
    waiting.push({ ...(bytes && { bytes }), dueMs: freeAtMs + pace.delayMs })
    waitingBytes += bytes?.length ?? 0
  }
  const take = (chunk: Buffer) => {
    for (const message of messages(chunk))
      if (state !== 'lossy') for (const part of parts(message, pace)) put(part)
    flow()
  }
  const takeEnd = () => {
    put()
    flow()
  }
  const takeClose = (hadError: boolean) => {
    closed = true
    // Clients take an end that was asked for, by FIN, for another thing than one that was not.
    if (hadError) to.resetAndDestroy()
    else flow()
  }
  from.on('data', take).on('end', takeEnd).on('close', takeClose)
  to.on('drain', flow).on('close', () => clearTimeout(timer))
  return {
    set: (newState, newPace) => {
      ;[state, pace] = [newState, newPace]
      if (pace === FULL_PACE) {
        freeAtMs = 0
        for (const each of waiting) each.dueMs = 0
      }
      if (state === 'lossy') [waiting.length, waitingBytes] = [0, 0]
      flow()
    },
    abandon: () => {
      clearTimeout(timer)
      from.off('data', take).off('end', takeEnd).off('close', takeClose).pause()
      to.off('drain', flow)
    },
  }
}

function parts(bytes: Buffer, { bytesPerSecond }: Pace): readonly Buffer[] {
  const size = Math.max(1, Math.floor((bytesPerSecond * LIMIT_SPAN_MS) / 1000))
  if (bytes.length <= size) return [bytes]
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) found.push(bytes.subarray(at, at + size))
  return found
}
