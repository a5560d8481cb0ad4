import type { LogReader, Positions, Ranges } from '@roomlog/event-log'
import { REPLAY_GROUP } from '@roomlog/events'
import { EXIT, type ExitCode } from '../operator/failure.ts'
import { printable } from '../operator/printable.ts'
import { type Letter, type LetterPosition, positionText, readLetters } from './letter.ts'

export interface ListOptions {
  /** At most so many. */
  readonly limit: number
  /** After this one. */
  readonly after: LetterPosition | undefined
  readonly json: boolean
}

/** Prints a page of the dead letters, oldest of each partition first. Exit code 1: nobody has decided about some of them yet. */
export async function list(reader: LogReader, options: ListOptions): Promise<ExitCode> {
  const bounds = await reader.bounds('deadLetters')
  const decided = await reader.positions(REPLAY_GROUP, 'deadLetters')
  const { ranges, next } = pageOf(bounds, options)
  const letters = await readLetters(reader, ranges)
  const [all, waiting] = [count(bounds, new Map()), count(bounds, decided)]
  if (options.json) {
    const rows = letters.map((letter) => jsonOf(letter, decided))
    console.log(
      JSON.stringify({ all, waiting, letters: rows, next: next === undefined ? null : positionText(next) }),
    )
  } else {
    for (const letter of letters) console.log(lineOf(letter, decided))
    console.log(`${all} dead letters, ${waiting} of them wait`)
    if (next !== undefined) console.log(`more: npm run dlq -- list --after ${positionText(next)}`)
  }
  return waiting === 0 ? EXIT.clean : EXIT.findings
}

/** Offsets have no gaps, so a page can be told before it is read. `next`: the last one on the page, if more follow. */
export function pageOf(
  bounds: Ranges,
  { limit, after }: ListOptions,
): { readonly ranges: Ranges; readonly next: LetterPosition | undefined } {
  const ranges = new Map<number, { from: bigint; end: bigint }>()
  let left = BigInt(limit)
  let last: LetterPosition | undefined
  for (const [partition, range] of [...bounds].toSorted(([a], [b]) => a - b)) {
    if (after !== undefined && partition < after.partition) continue
    const skip = after?.partition === partition ? after.offset + 1n : range.from
    const from = skip < range.from ? range.from : skip
    if (from >= range.end) continue
    if (left === 0n) return { ranges, next: last }
    const end = range.end - from > left ? from + left : range.end
    ranges.set(partition, { from, end })
    left -= end - from
    last = { partition, offset: end - 1n }
    if (end < range.end) return { ranges, next: last }
  }
  return { ranges, next: undefined }
}

/** How many stand there, `above` a group's positions. */
export function count(bounds: Ranges, above: Positions): number {
  let sum = 0n
  for (const [partition, { from, end }] of bounds) {
    const start = above.get(partition) ?? from
    sum += start > from ? (start < end ? end - start : 0n) : end - from
  }
  return Number(sum)
}

/** Neither `replay --all` nor `dismiss --all` has come by. */
function isWaiting({ partition, offset }: Letter, decided: Positions): boolean {
  return offset >= (decided.get(partition) ?? 0n)
}

function jsonOf(letter: Letter, decided: Positions) {
  const { record, reason, origin, address } = letter
  return {
    position: positionText(letter),
    at: record.at,
    reason,
    origin: origin ?? null,
    roomId: address?.roomId ?? null,
    senderId: address?.senderId ?? null,
    clientMsgId: address?.clientMsgId ?? null,
    bytes: record.value?.length ?? 0,
    waiting: isWaiting(letter, decided),
  }
}

function lineOf(letter: Letter, decided: Positions): string {
  const { record, reason, origin, address } = letter
  const from = origin === undefined ? 'unknown' : `${origin.topic}/${origin.partition}:${origin.offset}`
  const whose = address === undefined ? '' : `  room ${address.roomId}  sender ${address.senderId}`
  const state = isWaiting(letter, decided) ? '  waits' : ''
  const head = `${positionText(letter).padEnd(8)}  ${record.at.toISOString()}  ${String(record.value?.length ?? 0).padStart(6)} bytes`
  return printable(`${head}  ${reason}  from ${from}${whose}${state}`)
}
