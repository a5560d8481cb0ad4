import type { CDPSession, Page } from 'playwright-core'
import { afterEach, describe, expect, test } from 'vitest'
import { percentile } from '../../bench/percentiles.ts'
import { seedMessages } from '../../seed-messages.ts'
import type { PageWorld } from '../page-world.ts'

export const MESSAGES = 50_000
const MINUTE_MS = 60_000
const TIMEOUT_MS = 400_000
/** Of a page that is scrolled through a room of any size. */
const MAX_NODES = 20_000
const MAX_HEAP_BYTES = 64 * 1024 ** 2
const PX_PER_FRAME = 2_000

/** A room of so many messages that no page can hold them; `back` is how many of them are gone through. */
export function largeRoom(world: () => PageWorld, back: number): void {
  describe(`a room of ${MESSAGES} messages`, () => {
    afterEach(() => world().leave())

    test(
      `is scrolled ${back} messages back and forth, in bounded memory`,
      async () => {
        const [ada, grace] = await world().pair('Years')
        const people = [await world().userIdOf(ada), await world().userIdOf(grace)]
        const firstMs = Date.now() - MESSAGES * MINUTE_MS
        await seedMessages(
          world().databaseUrl,
          ada.roomId,
          Array.from({ length: MESSAGES }, (_, i) => ({
            // Somebody says several things before another answers.
            senderId: people[Math.floor(i / 3) % 2] ?? '',
            body: i % 10 === 0 ? `message ${i + 1}: ${'many words '.repeat(30)}` : `message ${i + 1}`,
            createdAt: new Date(firstMs + i * MINUTE_MS),
          })),
        )
        const { page } = grace
        await page.reload()
        await grace.log.waitFor()
        await grace.message('message').first().waitFor()
        const session = await page.context().newCDPSession(page)

        const first = MESSAGES - back + 1
        const up = await scroll(page, -PX_PER_FRAME, first)
        if (first === 1) await page.getByText('This is the beginning of Years.').waitFor()
        const top = await memory(session)
        // As far down as makes it drop where it was.
        const down = await scroll(page, PX_PER_FRAME, first + 3000)
        await grace.button('Jump to newest').click()
        await grace.shows(`message ${MESSAGES}`)
        const bottom = await memory(session)

        for (const [name, frames] of Object.entries({ up, down })) {
          const [p50, p95, longest] = [0.5, 0.95, 1].map((p) => percentile(frames, p).toFixed(0))
          const allS = frames.reduce((sum, ms) => sum + ms, 0) / 1000
          process.stdout.write(
            `  ${name}: ${frames.length} frames in ${allS.toFixed(0)} s, p50 ${p50} ms, p95 ${p95} ms, longest ${longest} ms\n`,
          )
        }
        for (const [name, { nodes, heapBytes }] of Object.entries({ top, bottom })) {
          process.stdout.write(`  ${name}: ${nodes} nodes, ${Math.round(heapBytes / 1024 ** 2)} MiB\n`)
          expect(nodes).toBeLessThan(MAX_NODES)
          expect(heapBytes).toBeLessThan(MAX_HEAP_BYTES)
        }
        await ada.say('and one more')
        await grace.shows('and one more')
      },
      TIMEOUT_MS,
    )
  })
}

/** Scrolls by so many pixels each frame until that message is passed; resolves with how long each frame took, in ms. */
function scroll(page: Page, px: number, seq: number): Promise<readonly number[]> {
  return page.evaluate<readonly number[]>(`new Promise((resolve) => {
    const list = document.querySelector('[role=log]')
    const isPassed = () =>
      [...list.querySelectorAll('[data-seq]')].some(({ dataset }) => (dataset.seq - ${seq}) * ${px} >= 0)
    const frames = []
    let last = performance.now()
    const frame = (now) => {
      frames.push(now - last)
      last = now
      if (isPassed()) return resolve(frames)
      list.scrollTop += ${px}
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })`)
}

/** What is in use once the garbage is gone. */
async function memory(session: CDPSession) {
  await session.send('Performance.enable')
  await session.send('HeapProfiler.collectGarbage')
  const { metrics } = await session.send('Performance.getMetrics')
  const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0
  return { nodes: of('Nodes'), heapBytes: of('JSHeapUsedSize') }
}
