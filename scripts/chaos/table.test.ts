import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Fault } from './fault.ts'
import { appendResult, isClean, lastRuns, type ResultLine, readResults, resultLine } from './results.ts'
import { controlTable, table } from './table.ts'

const about = { commit: 'abc', engine: 'embedded', fault: 'F1', seed: 7, short: true, length: 10 } as const
const line = resultLine(about, {
  folder: '',
  seconds: 61.4,
  recovery: { n: 3, p50: 10.4, p99: 1_234.5, max: 1_300 },
  report: {
    violations: [
      { invariant: 'I2', what: 'twice' },
      { invariant: 'F1', what: 'not within the bound' },
    ],
    totals: { I2: 30, F1: 1 },
    notJudged: [],
    counts: {
      ...{ operations: 1_010, acked: 1_000, failed: 4, unknown: 6, lost: 0, duplicated: 30, gaps: 1 },
      ...{ reordered: 2, observations: 5_000, messages: 1_030 },
    },
    deliveryMs: { n: 1_000, p50: 4.6, p99: 80.2, max: 90 },
  },
})
const clean: ResultLine = { ...line, violations: {}, duplicated: 0, gaps: 0, reordered: 0, acked: 234 }

const fault = (id: string, title: string): Fault => ({
  ...{ id, title, engines: ['embedded'], recovery: { p99Ms: 5_000 }, inject: async () => undefined },
})

test('a run stays on record as it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'roomlog-results-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'results.jsonl')
  expect(readResults(file)).toEqual([])
  appendResult(line, file)
  appendResult(clean, file)
  expect(readResults(file)).toEqual([line, clean])
  expect([line, clean].map(isClean)).toEqual([false, true])
  expect(line).toMatchObject({
    ...{ ...about, seconds: 61, acked: 1_000, violations: { F1: 1, I2: 30 } },
    ...{ recovery: { p50: 10, p99: 1_235 }, delivery: { p50: 5, p99: 80 } },
  })
})

test('the table sums the runs of each fault and gives the middle and the worst recovery', () => {
  const other: ResultLine = { ...clean, fault: 'F4', recovery: { n: 1, p50: 1, p99: 100, max: 100 } }
  const faults = [fault('F1', 'edge killed'), fault('F2', 'never run'), fault('F4', 'persister killed')]
  expect(
    table([line, { ...clean, recovery: { n: 1, p50: 500, p99: 700, max: 700 } }, other], faults).split('\n'),
  ).toEqual([
    '| fault               |      runs | acked | lost | duplicated | gaps | reordered | p50 recovery | p99 recovery |',
    '|---------------------|----------:|------:|-----:|-----------:|-----:|----------:|-------------:|-------------:|',
    '| F1 edge killed      | 2 (1 bad) | 1,234 |    0 |         30 |    1 |         2 |        0.5 s |        1.2 s |',
    '| F4 persister killed |         1 |   234 |    0 |          0 |    0 |         0 |        0.0 s |        0.1 s |',
    '| all                 | 3 (1 bad) | 1,468 |    0 |         30 |    1 |         2 |        0.0 s |        1.2 s |',
  ])
})

test('of a seed that was run again the last run counts', () => {
  const others: readonly ResultLine[] = [
    { ...line, seed: 8 },
    { ...line, engine: 'full' },
    { ...line, length: 600 },
  ]
  expect(lastRuns([line, ...others, clean])).toEqual(expect.arrayContaining([...others, clean]))
  expect(lastRuns([line, ...others, clean])).toHaveLength(4)
})

test('a run of a control counts as caught when it failed by the name that is expected', () => {
  const control: ResultLine = { ...line, control: 'no-dedupe', fault: 'F5' }
  const missed: ResultLine = { ...control, violations: { F1: 1 } }
  expect(controlTable([line, control, missed, { ...control, engine: 'full' }]).split('\n')).toEqual([
    '| control   | engine   | fault | runs | caught | by |',
    '|-----------|----------|-------|-----:|-------:|----|',
    '| no-dedupe | embedded | F5    |    2 |      1 | I2 |',
    '| no-dedupe | full     | F5    |    1 |      1 | I2 |',
  ])
})
