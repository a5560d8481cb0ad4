import { RoomlogClient } from '@roomlog/client'
import { BODY } from '@roomlog/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { runExample } from '../example-run.ts'
import { graveFindings, newAccount, type PageWorld } from '../page-world.ts'

/** How far somebody has read is told now and then: they may be no member any more when it arrives. */
const READ_TOO_LATE = /^Failed to load resource: .* 403 \(Forbidden\) \(.*\/read\)$/

/** What people do on a day without trouble. */
export function chatting(world: () => PageWorld): void {
  describe('people', () => {
    afterEach(() => world().leave([READ_TOO_LATE]))

    test('chat, and after a reload all is as it was', async () => {
      const [ada, grace] = await world().pair('Tea')
      await ada.say(`${BODY} to Grace`)
      await grace.shows(`${BODY} to Grace`)
      await ada.isState(`${BODY} to Grace`, 'Stored')
      await grace.say(`${BODY} to Ada`)
      await ada.shows(`${BODY} to Ada`)
      for (const { page } of [ada, grace]) await page.reload()
      for (const chat of [ada, grace]) {
        await chat.shows(`${BODY} to Grace`)
        await chat.shows(`${BODY} to Ada`)
      }
      await ada.say('Still here')
      await grace.shows('Still here')
    })

    test('chat with a program on the SDK', async () => {
      const ada = await world().person('Ada')
      await ada.createRoom('Terminal')
      const { apiUrl } = world().roomlog
      const { name, ...account } = newAccount('Robot')
      await new RoomlogClient({ url: apiUrl }).register({ ...account, displayName: name })
      const { username, password } = account
      await using program = runExample('chat.ts', [apiUrl, username, password, ada.roomId])
      program.stdin?.write(`${BODY} in a terminal\n`)
      await ada.shows(`${BODY} in a terminal`)
      await ada.say(`${BODY} in a page`)
      await program.shows(`Ada ${BODY} in a page`)
    })

    test.each(['light', 'dark'] as const)('meet no barrier: %s', async (colorScheme) => {
      const found = new Map<string, readonly string[]>()
      const ada = await world().visit('Ada', { colorScheme })
      const look = async (where: string) => found.set(where, await graveFindings(ada.page))
      await ada.button('Create account').waitFor()
      await look('signing in')
      await ada.signUp()
      await look('without a room')
      await ada.createRoom('Open to all')
      await look('an empty room')
      await ada.say('See https://example.org')
      await ada.isState('See https://example.org', 'Stored')
      await look('a room')
      await ada.showMembers()
      await look('its members')
      for (const name of ['New room', 'Find rooms', 'Account']) {
        await ada.openDialog(name)
        await look(name)
        await ada.page.keyboard.press('Escape')
      }
      expect(Object.fromEntries([...found].filter(([, findings]) => findings.length > 0))).toEqual({})
    })

    test('who are no longer in a room read it no more', async () => {
      const [ada, grace] = await world().pair('Guests')
      await ada.say('a word among us')
      await grace.shows('a word among us')
      await ada.showMembers()
      await ada.button('Actions for Grace').click()
      await ada.button('Remove').click()
      await ada.button('Remove').click()
      await grace.page.getByRole('heading', { name: 'You are no longer in this room.' }).waitFor()
      expect(await grace.message('a word among us').count()).toBe(0)
      expect(await grace.room('Guests').count()).toBe(0)
      await ada.say('after she left')
      await ada.isState('after she left', 'Stored')
      expect(await grace.page.getByText('after she left').count()).toBe(0)
    })
  })
}
