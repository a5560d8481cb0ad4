import fc from 'fast-check'
import { expect, test } from 'vitest'
import { violated } from './told-history.ts'
import { MUTATIONS, mutated, type Step, toldRoom } from './told-room.ts'

const RUNS = 300
const NAMES = ['ann', 'bob', 'cat']

const steps = fc.array(
  fc.record<Step>({
    who: fc.nat({ max: NAMES.length - 1 }),
    what: fc.constantFrom(
      ...(['send', 'repeat', 'store', 'ack', 'deliver', 'drop', 'rejoin', 'read', 'answer'] as const),
    ),
  }),
  { maxLength: 120 },
)

test('a room that does everything right is never said to violate anything', () => {
  fc.assert(
    fc.property(steps, (it) => {
      expect(violated(toldRoom(NAMES, it))).toEqual([])
    }),
    { numRuns: RUNS },
  )
})

test.for(MUTATIONS)('one wrong observation is always noticed: %s', (mutation) => {
  fc.assert(
    fc.property(steps, fc.nat(), (it, at) => {
      expect(violated(mutated(toldRoom(NAMES, it), mutation, at))).not.toEqual([])
    }),
    { numRuns: RUNS },
  )
})
