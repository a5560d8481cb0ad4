import { afterEach, describe, test } from 'vitest'
import { NETWORK_LOST, type PageWorld } from '../page-world.ts'

/** What goes wrong around a page that goes on all the same. */
export function faults(world: () => PageWorld): void {
  describe('the page goes on', () => {
    afterEach(() => world().leave(NETWORK_LOST))

    test('when the edges and the persister are killed', async () => {
      const [ada, grace] = await world().pair('Thunderstorm')
      await ada.say('before')
      await grace.shows('before')
      const names = ['ws-edge-1', 'ws-edge-2', 'persister']
      const killed = Promise.all(names.map((name) => world().roomlog.killService(name)))
      await ada.say('meanwhile')
      await killed
      await ada.isState('meanwhile', 'Stored')
      await grace.shows('meanwhile')
      await grace.say('after')
      await ada.shows('after')
    })
  })
}
