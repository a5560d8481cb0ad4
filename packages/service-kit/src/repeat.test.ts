import { expect, test } from 'vitest'
import { repeatEvery } from './repeat.ts'

test('work is repeated, never two runs at once', async () => {
  let [running, most, runs] = [0, 0, 0]
  const repeating = repeatEvery(1, async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
    runs += 1
  })
  await expect.poll(() => runs).toBeGreaterThanOrEqual(3)
  await repeating.stop()
  expect([running, most]).toEqual([0, 1])
})

test('a stop waits for the run under way, and none begins after it', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const { promise: end, resolve: finish } = Promise.withResolvers<void>()
  let runs = 0
  const repeating = repeatEvery(1, async () => {
    runs += 1
    begin()
    await end
  })
  await begun
  const stopped = repeating.stop()
  const first = await Promise.race([
    stopped.then(() => 'stopped'),
    new Promise(setImmediate).then(() => 'waits'),
  ])
  expect(first).toBe('waits')
  finish()
  await stopped
  expect(runs).toBe(1)
})

test('work that never began is not waited for', async () => {
  await repeatEvery(1_000_000, () => expect.fail('began')).stop()
})
