import { afterEach, describe, expect, test } from 'vitest'
import { graveFindings, type PageWorld } from '../page-world.ts'

/** What people do on a day without trouble. */
export function chatting(world: () => PageWorld): void {
  describe('two people', () => {
    afterEach(() => world().leave())

    test('chat, and after a reload all is as it was', async () => {
      const [ada, grace] = await world().pair('Tea')
      await ada.say('Hello Grace')
      await grace.shows('Hello Grace')
      await ada.isState('Hello Grace', 'Stored')
      await grace.say('Hello Ada')
      await ada.shows('Hello Ada')
      for (const { page } of [ada, grace]) await page.reload()
      for (const chat of [ada, grace]) {
        await chat.shows('Hello Grace')
        await chat.shows('Hello Ada')
      }
      await ada.say('Still here')
      await grace.shows('Still here')
    })

    test('are shut out by nothing', async () => {
      const ada = await world().visit('Ada')
      await ada.button('Create account').waitFor()
      expect(await graveFindings(ada.page)).toEqual([])
      await ada.signUp()
      expect(await graveFindings(ada.page)).toEqual([])
      await ada.createRoom('Open to all')
      expect(await graveFindings(ada.page)).toEqual([])
      await ada.say('See https://example.org')
      await ada.isState('See https://example.org', 'Stored')
      expect(await graveFindings(ada.page)).toEqual([])
    })
  })
}
