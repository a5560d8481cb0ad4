import { afterEach, describe, expect, test, vi } from 'vitest'
import { type ChatPage, PATIENCE } from '../chat-page.ts'
import { NETWORK_LOST, type PageWorld } from '../page-world.ts'

const EDGES = ['ws-edge-1', 'ws-edge-2']

/** What goes wrong around a page that goes on all the same. */
export function faults(world: () => PageWorld): void {
  describe('the page goes on', () => {
    afterEach(() => world().leave(NETWORK_LOST))

    test('where there is no network: what is written then is sent later, in order', async () => {
      const [ada, grace] = await world().pair('Tunnel')
      await ada.say('before')
      await grace.shows('before')
      await ada.page.context().setOffline(true)
      const texts = ['one in the dark', 'two in the dark', 'three in the dark']
      for (const text of texts) await ada.say(text)
      for (const text of texts) await ada.isState(text, 'Queued')
      // What was there can still be read.
      await ada.shows('before')
      await grace.say('where are you?')
      await ada.page.context().setOffline(false)
      for (const text of texts) {
        await ada.isState(text, 'Stored')
        await grace.shows(text)
      }
      await ada.shows('where are you?')
      expect(await world().stored(ada)).toEqual(['before', 'where are you?', ...texts])
    })

    test('in two tabs of one person: both show the same, and what waits is sent by one of them', async () => {
      const ada = await world().person('Ada')
      await ada.createRoom('Twice')
      const twin = await world().secondTab(ada)
      await twin.openRoom('Twice')
      await ada.say('from the first')
      await twin.shows('from the first')
      await twin.say('from the second')
      await ada.shows('from the second')
      // What waits belongs to both, and each would send it.
      await ada.page.context().setOffline(true)
      await ada.say('said while away')
      await ada.isState('said while away', 'Queued')
      await ada.page.context().setOffline(false)
      await ada.isState('said while away', 'Stored')
      await twin.shows('said while away')
      await ada.shows('said while away')
      expect(await world().stored(ada)).toEqual(['from the first', 'from the second', 'said while away'])
    })

    test('when edges and persister are killed', async () => {
      const [ada, grace] = await world().pair('Thunderstorm')
      await ada.say('before')
      await grace.shows('before')
      const told = ada.banner.getByText('Offline').waitFor()
      const killed = Promise.all([...EDGES, 'persister'].map((name) => world().roomlog.killService(name)))
      await ada.say('meanwhile')
      await told
      await killed
      await ada.isState('meanwhile', 'Stored')
      await grace.shows('meanwhile')
      await grace.say('after')
      await ada.shows('after')
      expect(await world().stored(ada)).toEqual(['before', 'meanwhile', 'after'])
    })

    test('when edges are exchanged one after the other, as in a deploy', async () => {
      const [ada, grace] = await world().pair('Deploy')
      const sockets = [ada, grace].map(openSockets)
      for (const [i, name] of EDGES.entries()) {
        const drained = world().drain(name)
        await ada.say(`during ${i}`)
        await grace.shows(`during ${i}`)
        await drained
        await grace.say(`after ${i}`)
        await ada.shows(`after ${i}`)
      }
      expect(await world().stored(ada)).toEqual(['during 0', 'after 0', 'during 1', 'after 1'])
      // Each had to move at least once.
      await vi.waitFor(() => {
        for (const count of sockets) expect(count()).toBeGreaterThan(0)
      }, PATIENCE)
    })
  })
}

/** How many have been opened from now on. */
function openSockets({ page }: ChatPage): () => number {
  let count = 0
  page.on('websocket', () => {
    count += 1
  })
  return () => count
}
