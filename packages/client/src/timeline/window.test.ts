import type { Message } from '@roomlog/protocol/wire'
import { modelRuns } from '@roomlog/testkit/model-runs'
import { array, assert as check, constantFrom, nat, property, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import {
  appended,
  followed,
  isAtEnd,
  lookingAt,
  movedTo,
  movedToEnd,
  newWindow,
  prepended,
  type Run,
  type TimelineWindow,
} from './window.ts'

const PAGE = 20
const MAX_MESSAGES = 100

/** Each seventh has nothing to show. */
const isShown = (seq: number) => seq % 7 > 0
const upTo = (first: number, last: number) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
const messages = (first: number, last: number) =>
  upTo(first, last)
    .filter(isShown)
    .map((seq) => ({ seq }) as Message)
const page = (after: number, last: number): Run => ({
  after,
  upTo: last,
  messages: messages(after + 1, last),
})
const seqs = (run: Run | undefined) => run?.messages.map(({ seq }) => seq)

const ACTS = ['live', 'live', 'older', 'newer', 'jump', 'end', 'look'] as const

test('whatever is paged, jumped and lived, what is held is a bounded run of the log', async () => {
  const steps = array(tuple(constantFrom(...ACTS), nat(999)), { maxLength: 100, size: 'max' })
  await check(
    property(steps, (drawn) => {
      let window: TimelineWindow = newWindow(MAX_MESSAGES)
      let head = 300
      window = appended(window, messages(201, 300), head)
      for (const [act, n] of drawn) {
        const { run } = window
        if (run === undefined) throw new Error('nothing is held')
        if (act === 'live') {
          const next = head + 1 + (n % 60)
          window = appended(window, messages(head + 1, next), next)
          head = next
        } else if (act === 'older') {
          window = prepended(window, page(Math.max(0, run.after - PAGE), run.after))
        } else if (act === 'newer') {
          if (!isAtEnd(window)) window = followed(window, page(run.upTo, Math.min(head, run.upTo + PAGE)))
        } else if (act === 'jump') {
          const after = n % head
          window = movedTo(window, page(after, Math.min(head, after + PAGE)), after + 1)
        } else if (act === 'end') window = movedToEnd(window)
        else window = lookingAt(window, n % 2 === 0 ? undefined : n % head)

        const held = window.run
        expect(seqs(held)).toEqual(upTo((held?.after ?? 0) + 1, held?.upTo ?? 0).filter(isShown))
        expect(held?.messages.length).toBeLessThanOrEqual(MAX_MESSAGES)
        expect(window.tail?.upTo).toBe(head)
        if (act === 'end') expect(isAtEnd(window)).toBe(true)
      }
    }),
    { ...modelRuns(), numRuns: Math.ceil(modelRuns().numRuns / 50) },
  )
}, 600_000)

test('who reads at the newest keeps it, and who reads what is old keeps that, whatever comes', () => {
  const start = appended(newWindow(MAX_MESSAGES), messages(201, 300), 300)
  const following = appended(start, messages(301, 400), 400)
  expect([isAtEnd(following), seqs(following.run)?.at(-1)]).toEqual([true, 400])

  let reading = start
  for (let i = 0; i < 4; i += 1) {
    const after = reading.run?.after ?? 0
    reading = prepended(reading, page(after - PAGE, after))
  }
  const top = reading.run?.messages[0]?.seq
  expect(top).toBe(121)
  reading = appended(lookingAt(reading, top), messages(301, 400), 400)
  expect([isAtEnd(reading), reading.run?.messages[0]?.seq]).toEqual([false, top])
  expect(seqs(movedToEnd(reading).run)?.at(-1)).toBe(400)
})

test('a page that does not lie beside what is held changes nothing', () => {
  const start = appended(newWindow(MAX_MESSAGES), messages(201, 300), 300)
  expect(prepended(start, page(150, 190))).toBe(start)
  expect(followed(start, page(310, 320))).toBe(start)
})

test('pages that reach the newest messages are followed live again', () => {
  const start = appended(newWindow(3 * MAX_MESSAGES), messages(201, 300), 300)
  const away = movedTo(start, page(50, 150), 100)
  expect(isAtEnd(away)).toBe(false)
  const back = followed(lookingAt(away, 150), page(150, 220))
  expect([isAtEnd(back), back.run?.upTo]).toEqual([true, 300])
})
