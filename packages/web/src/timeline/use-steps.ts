import { useLayoutEffect, useState } from 'react'
import type { Row } from './rows.ts'
import { firstStep, type Step, stepTowards } from './steps.ts'

/** What the list shows: on the way to `rows`, one step a drawing, all before the browser paints. */
export function useSteps(rows: readonly Row[]): Step {
  const [step, setStep] = useState(() => firstStep(rows))
  useLayoutEffect(() => {
    if (step.rows !== rows) setStep(stepTowards(step, rows))
  }, [step, rows])
  return step
}
