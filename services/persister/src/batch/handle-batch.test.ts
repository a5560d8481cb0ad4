import { modelRuns } from '@roomlog/testkit/model-runs'
import { array, asyncProperty, assert as check, constantFrom, nat, tuple } from 'fast-check'
import { afterEach, beforeEach, describe, test, vi } from 'vitest'
import { ACTS, type Step, simulate } from '../../test/batch-simulation.ts'

const runs = modelRuns()

beforeEach(() => {
  // Heartbeats come when the simulation says so.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('whatever crashes, races, is lost or is delivered twice', () => {
  test(`every record is stored once, in its turn, and published: ${runs.numRuns} interleavings of two persisters`, async () => {
    const acts = Object.entries(ACTS).flatMap(([act, weight]) => Array<Step[0]>(weight).fill(act as Step[0]))
    const steps = array(tuple(constantFrom(...acts), nat(999), nat(999)), {
      minLength: 1,
      maxLength: 120,
      size: 'max',
    })
    await check(asyncProperty(steps, simulate), runs)
  }, 600_000)
})
