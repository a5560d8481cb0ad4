import { afterEach, describe, expect, test } from 'vitest'
import { type PageWorld, sessionOf } from '../page-world.ts'

/** One tab signs out between what another reads of the session as it begins, before it can be told. */
const SIGNED_OUT_MEANWHILE = `{
  const { getItem } = Storage.prototype
  let reads = 0
  Storage.prototype.getItem = function (key) {
    if (key === 'roomlog.session' && reads++ > 0) this.removeItem(key)
    return getItem.call(this, key)
  }
}`

export function signingOut(world: () => PageWorld): void {
  describe('who signs out', () => {
    afterEach(() => world().leave())

    test('is gone in all tabs, and for the api', async () => {
      const ada = await world().person('Ada')
      await ada.createRoom('Home')
      const twin = await world().secondTab(ada)
      await twin.isIn()
      const { refreshToken } = await sessionOf(ada)
      await ada.openDialog('Account')
      await ada.button('Log out').click()
      for (const tab of [ada, twin]) await tab.page.getByLabel('Username', { exact: true }).waitFor()
      expect(await ada.page.evaluate("localStorage.getItem('roomlog.session')")).toBeNull()
      const refreshed = await fetch(`${world().roomlog.apiUrl}/auth/refresh`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ refreshToken }),
      })
      expect(refreshed.status).toBe(401)
    })

    test('while another tab begins: it asks who one is', async () => {
      const ada = await world().person('Ada')
      await ada.page.addInitScript(SIGNED_OUT_MEANWHILE)
      await ada.page.reload()
      await ada.page.getByLabel('Username', { exact: true }).waitFor()
    })
  })
}
