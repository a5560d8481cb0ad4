import type { Database } from '@roomlog/db'
import type { EventLog, LogReader } from '@roomlog/event-log'
import { type EncodedRecord, REPLAY_GROUP } from '@roomlog/events'
import { bodyKeyOf, findRows } from '../audit/created.ts'
import type { FoundRow } from '../audit/rows.ts'
import { EXIT, type ExitCode } from '../operator/failure.ts'
import { printable } from '../operator/printable.ts'
import { type Letter, type LetterPosition, letterOf, originalOf, positionText, readLetter } from './letter.ts'
import { count } from './list.ts'

const APPEND_TIMEOUT_MS = 30_000

export interface ReplayOptions {
  readonly reader: LogReader
  /** Where it is given, what is stored already is not replayed. */
  readonly db: Database['db'] | undefined
  readonly openLog: () => Promise<EventLog>
  /** Only says what would be done. */
  readonly isDry: boolean
  /** Also what no build can read, and what would come back therefore. */
  readonly isForced: boolean
}

/** How many became what. */
interface Outcome {
  readonly replayed: number
  readonly stored: number
  readonly left: number
}

const NOTHING: Outcome = { replayed: 0, stored: 0, left: 0 }

/**
 * Replays all that the group has not replayed yet, up to the present end, and remembers how far it came. What it
 * leaves it does not come back to: those have to be named.
 */
export async function replayAll(options: ReplayOptions): Promise<ExitCode> {
  const { reader, isDry } = options
  const bounds = await reader.bounds('deadLetters')
  const positions = await reader.positions(REPLAY_GROUP, 'deadLetters')
  let total = NOTHING
  await reader.read('deadLetters', {
    ranges: new Map([...bounds].map(([p, { from, end }]) => [p, { from: positions.get(p) ?? from, end }])),
    onRecords: async (partition, records) => {
      const letters = records.map((record) => letterOf(partition, record))
      total = added(total, await replayLetters(letters, options))
      const next = (records.at(-1)?.offset ?? -1n) + 1n
      // What a replay that is killed may replay once more is what came since the last commit.
      if (!isDry) await reader.commit(REPLAY_GROUP, 'deadLetters', new Map([[partition, next]]))
    },
  })
  return concluded(total, options)
}

/** Continues after all that there are and replays none: what nothing can be done about need not be told of any more. */
export async function dismissAll(reader: LogReader): Promise<ExitCode> {
  const bounds = await reader.bounds('deadLetters')
  const positions = await reader.positions(REPLAY_GROUP, 'deadLetters')
  await reader.commit(REPLAY_GROUP, 'deadLetters', new Map([...bounds].map(([p, { end }]) => [p, end])))
  console.log(`${count(bounds, positions)} dismissed; they are kept, and can be replayed by their positions`)
  return EXIT.clean
}

/** Replays those named, whatever was replayed before. */
export async function replayThese(
  positions: readonly LetterPosition[],
  options: ReplayOptions,
): Promise<ExitCode> {
  let total = NOTHING
  for (const position of positions) {
    const letter = await readLetter(options.reader, position)
    if (letter === undefined) console.error(`left ${positionText(position)}: no dead letter stands there`)
    total = added(
      total,
      letter === undefined ? { ...NOTHING, left: 1 } : await replayLetters([letter], options),
    )
  }
  return concluded(total, options)
}

async function replayLetters(letters: readonly Letter[], options: ReplayOptions): Promise<Outcome> {
  const { isDry, isForced, openLog } = options
  const stored = await storedOf(letters, options)
  const records: EncodedRecord[] = []
  let [known, left] = [0, 0]
  for (const letter of letters) {
    const record = originalOf(letter)
    const row = stored.get(letter)
    const why = row === undefined ? reasonToLeave(letter, record, isForced) : textOf(row)
    if (why !== undefined || record === undefined) {
      if (row?.sameBody === true) known += 1
      else left += 1
      console.log(printable(`left ${positionText(letter)}: ${why}`))
      continue
    }
    records.push(record)
    console.log(printable(`${isDry ? 'would replay' : 'replays'} ${positionText(letter)}, key ${record.key}`))
  }
  if (!isDry && records.length > 0) {
    await (await openLog()).appendAll('created', records, AbortSignal.timeout(APPEND_TIMEOUT_MS))
  }
  return { replayed: records.length, stored: known, left }
}

/** Of a name that is given: whoever comes later with another body is rejected. */
function textOf({ sameBody }: FoundRow): string {
  return sameBody ? 'is stored already' : 'another message has its name'
}

function reasonToLeave(
  { origin, decoded }: Letter,
  record: EncodedRecord | undefined,
  isForced: boolean,
): string | undefined {
  if (record === undefined) return `it came from ${origin?.topic ?? 'nobody knows where'}`
  if (decoded.kind !== 'bad' || isForced) return undefined
  return `it cannot be read (${decoded.reason}) and would come back; --force replays it all the same`
}

/** The rows of those whose names are given by now, by this letter or another. */
async function storedOf(
  letters: readonly Letter[],
  { db }: ReplayOptions,
): Promise<ReadonlyMap<Letter, FoundRow>> {
  if (db === undefined) return new Map()
  const named = letters.map((letter) => {
    const { decoded } = letter
    return { letter, event: decoded.kind === 'event' ? bodyKeyOf(decoded.event) : undefined }
  })
  return new Map([...(await findRows(db, named))].map(([{ letter }, row]) => [letter, row]))
}

function added(a: Outcome, b: Outcome): Outcome {
  return { replayed: a.replayed + b.replayed, stored: a.stored + b.stored, left: a.left + b.left }
}

function concluded({ replayed, stored, left }: Outcome, { isDry }: ReplayOptions): ExitCode {
  const done = isDry ? 'would be replayed' : 'replayed'
  console.log(`${replayed} ${done}, ${stored} stored already, ${left} left`)
  return left === 0 ? EXIT.clean : EXIT.findings
}
