import { expect, test } from 'vitest'
import type { Row } from './rows.ts'
import { firstStep, type Step, stepTowards } from './steps.ts'

const rows = (from: number, upTo: number): readonly Row[] =>
  Array.from({ length: upTo - from + 1 }, (_, index) => ({ key: `${from + index}` }) as Row)

function steps(from: readonly Row[], to: readonly Row[]): readonly string[] {
  const taken: string[] = []
  let step: Step = firstStep(from)
  while (step.rows !== to) {
    step = stepTowards(step, to)
    const [first, last] = [step.rows[0]?.key, step.rows.at(-1)?.key]
    taken.push(`${first}-${last}${step.isShift ? ' shifted' : ''}${step.run > 0 ? ' anew' : ''}`)
  }
  return taken
}

test('older ones come in a step of their own, before newer ones are given up', () => {
  expect(steps(rows(101, 600), rows(1, 500))).toEqual(['1-600 shifted', '1-500'])
})

test('older ones are given up in a step of their own, before newer ones come', () => {
  expect(steps(rows(1, 500), rows(101, 600))).toEqual(['101-500 shifted', '101-600'])
})

test('what comes at the end alone is one step', () => {
  expect(steps(rows(1, 5), rows(1, 6))).toEqual(['1-6'])
  expect(steps([], rows(1, 6))).toEqual(['1-6'])
})

test('another part of the room begins anew', () => {
  expect(steps(rows(900, 999), rows(1, 100))).toEqual(['1-100 anew'])
  expect(steps(rows(1, 5), [])).toEqual(['undefined-undefined anew'])
})
