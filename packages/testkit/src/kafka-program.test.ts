import { expect, test } from 'vitest'
import { newClusterId } from './kafka-program.ts'

test('no cluster id is taken for an option by the command that it is given to', () => {
  // One in 64 of all that are drawn would be: none in 2000 by chance is 1 in 10^13.
  const ids = Array.from({ length: 2000 }, newClusterId)
  expect(ids.filter((id) => !/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/.test(id))).toEqual([])
})
