import type { Row } from './rows.ts'

/** What the list shows next; from one to the next it changes at one end only, as a virtual list can follow. */
export interface Step {
  readonly rows: readonly Row[]
  /** The start has changed: what is in sight keeps its distance from the end. */
  readonly isShift: boolean
  /** Another number where the rows have nothing to do with those before. */
  readonly run: number
}

export function firstStep(rows: readonly Row[]): Step {
  return { rows, isShift: false, run: 0 }
}

/** One step on the way to `rows`: first what changed at the start, then all else. */
export function stepTowards(step: Step, rows: readonly Row[]): Step {
  const { rows: shown, run } = step
  const [first, target] = [shown[0], rows[0]]
  if (first === undefined || target === undefined || first.key === target.key)
    return { rows, isShift: false, run: first !== undefined && target === undefined ? run + 1 : run }
  const added = rows.findIndex(({ key }) => key === first.key)
  if (added > 0) return { rows: [...rows.slice(0, added), ...latest(shown, rows)], isShift: true, run }
  const removed = shown.findIndex(({ key }) => key === target.key)
  if (removed > 0) return { rows: latest(shown.slice(removed), rows), isShift: true, run }
  return { rows, isShift: false, run: run + 1 }
}

/** The same rows, as they are now. */
function latest(shown: readonly Row[], rows: readonly Row[]): readonly Row[] {
  const now = new Map(rows.map((row) => [row.key, row]))
  return shown.map((row) => now.get(row.key) ?? row)
}
