import { clientFrameSchemas, DEFAULT_LIMITS, decodeClientFrame, newId } from '@roomlog/protocol'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, type Row, ratioRow } from '../row.ts'
import { costOf } from './cost.ts'

const TIMES = 200_000
const BODY = 'Shall we meet at the station at half past six, or is that too early for you?'

/** What the edge makes of a frame before it is sent on: the same bytes decoded again and again, ids made one after the other. */
export const frames: Bench = { ids: ['B1', 'B3'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  const schemas = clientFrameSchemas(DEFAULT_LIMITS)
  const frame = { type: 'sendMessage', roomId: newId(), clientMsgId: newId(), body: BODY }
  const data = Buffer.from(JSON.stringify(frame))
  // Each in a millisecond of its own: within one, an id is the one before and one more.
  let ms = Date.now()
  const { decoded, parsed, ulid, uuid } = await inRounds(
    rounds,
    {
      decoded: () => repeated(() => decodeClientFrame(schemas, String(data)).kind === 'frame'),
      parsed: () => repeated(() => JSON.parse(data.toString()) !== null),
      ulid: () =>
        repeated(() => {
          ms += 1
          return isWhole(newId(ms))
        }),
      uuid: () => repeated(() => isWhole(crypto.randomUUID())),
    },
    say,
  )
  return [
    ratioRow(
      {
        id: 'B1',
        what: 'a sendMessage decoded and validated, CPU µs; limit: toString and JSON.parse',
        target: { atMost: 3 },
      },
      parsed,
      decoded,
    ),
    ratioRow(
      {
        id: 'B3',
        what: 'an id in a new millisecond, CPU µs; limit: crypto.randomUUID',
        target: { atMost: 5 },
      },
      uuid,
      ulid,
    ),
  ]
}

/** CPU µs of each; `work` answers whether it did what it should. */
async function repeated(work: () => boolean): Promise<number> {
  const { cpu } = await costOf(TIMES, () => {
    for (let i = 0; i < TIMES; i += 1) if (!work()) throw new Error('what is measured does not work')
  })
  return cpu
}

/** Looks at its last character: an engine puts a text together when it is looked at. */
function isWhole(id: string): boolean {
  return id.charCodeAt(id.length - 1) > 0
}
