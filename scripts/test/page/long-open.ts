import { afterEach, describe, expect, test, vi } from 'vitest'
import { PATIENCE } from '../chat-page.ts'
import { NETWORK_LOST, type PageWorld, TOKEN_TTL_MS } from '../page-world.ts'

export function longOpen(world: () => PageWorld): void {
  describe('a page that stays open', () => {
    afterEach(() => world().leave(NETWORK_LOST))

    test('outlives its token, whether it was awake meanwhile or not', async () => {
      const [ada, grace] = await world().pair('All day')
      const openedAtMs = performance.now()
      await grace.page.context().setOffline(true)
      let renewals = 0
      ada.page.on('response', (response) => {
        if (response.url().endsWith('/auth/refresh') && response.ok()) renewals += 1
      })
      await vi.waitFor(() => expect(renewals).toBeGreaterThan(0), PATIENCE)
      await vi.waitFor(() => expect(performance.now() - openedAtMs).toBeGreaterThan(TOKEN_TTL_MS), PATIENCE)
      await ada.say('good evening')
      await ada.isState('good evening', 'Stored')
      await grace.page.context().setOffline(false)
      await grace.shows('good evening')
      await grace.say('already?')
      await ada.shows('already?')
    })
  })
}
