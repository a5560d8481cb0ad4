import { inRounds } from '../rounds.ts'
import { type BenchContext, figureRow, median, type Row } from '../row.ts'

/** What one unit of work costs as the work grows. */
export interface Curve {
  /** Of its row, and the name of its picture. */
  readonly id: string
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

const FLAT = 1.3

/** What a unit costs at each size, the median of rounds in which all are measured by turns. */
export async function pointsOf(
  { rounds, say }: BenchContext,
  sizes: readonly number[],
  cost: (size: number) => Promise<number>,
): Promise<readonly Point[]> {
  const measures = Object.fromEntries(sizes.map((size) => [String(size), () => cost(size)]))
  const costs = await inRounds(rounds, measures, say)
  return sizes.map((x) => ({ x, y: median(costs[String(x)] ?? []) }))
}

/** Whether it is flat: by how much the dearest unit exceeds that of the smallest work. */
export function flatnessRow({ id, title, yLabel, points }: Curve): Row {
  const [first] = points
  const dearest = Math.max(...points.map(({ y }) => y))
  const shown = points
    .map(({ x, y }) => `${x.toLocaleString('en')}: ${Number(y.toPrecision(3)).toLocaleString('en')}`)
    .join(', ')
  const what = `${title}, ${yLabel} (${shown}): dearest ÷ first`
  return figureRow(
    { id, what, target: { atMost: FLAT } },
    [dearest / (first?.y ?? Number.NaN)],
    points.length,
  )
}

/** Hands it to be drawn, and answers its row. */
export function drawn({ draw }: BenchContext, curve: Curve): Row {
  draw(curve)
  return flatnessRow(curve)
}
