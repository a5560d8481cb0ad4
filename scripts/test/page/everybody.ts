import type { Page } from 'playwright-core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Person } from '../../person.ts'
import { ENGLISH, KOREAN, PATIENCE } from '../chat-page.ts'
import { graveFindings, type PageWorld } from '../page-world.ts'

const CANARY = 'globalThis.canary = true'
/** What would do something if it were anything but text. */
const CANARIES = [
  `<img src=x onerror="${CANARY}">`,
  `<script>${CANARY}</script>`,
  `"><svg onload="${CANARY}">`,
  `javascript:${CANARY}`,
  `[a link](javascript:${CANARY})`,
  `https://example.org/"onmouseover="${CANARY}`,
  `<a href="javascript:${CANARY}">here</a>`,
  `{{${CANARY}}} \${${CANARY}}`,
]

/** What a page does from now on that no text may make it do: dialogs, new pages, requests elsewhere, breaches of its policy. */
async function harmIn(page: Page, urls: readonly string[]): Promise<() => Promise<readonly string[]>> {
  const origins = urls.map((url) => new URL(url).origin)
  const seen: string[] = []
  page.on('dialog', (dialog) => {
    seen.push(`dialog ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.context().on('page', (opened) => seen.push(`page ${opened.url()}`))
  page.context().on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (/^(data|blob):$/.test(protocol) || origins.includes(origin)) return
    seen.push(`request ${request.url()}`)
  })
  page.on('websocket', (socket) => {
    if (!origins.includes(new URL(socket.url()).origin)) seen.push(`socket ${socket.url()}`)
  })
  // Kept over reloads of the tab.
  await page.addInitScript(`addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    sessionStorage.breaches = (sessionStorage.breaches ?? '') + violatedDirective + ' ' + blockedURI + '; '
  })`)
  await page.reload()
  return async () => {
    const breaches = await page.evaluate<string | undefined>('sessionStorage.breaches')
    return breaches === undefined ? seen : [...seen, breaches]
  }
}

/** Those who would do harm, write other scripts, or have a small screen. */
export function everybody(world: () => PageWorld): void {
  describe('whoever comes', () => {
    afterEach(() => world().leave())

    test('what would be a script is text: in messages, names and rooms', async () => {
      const ada = await world().visit(`<img src=x onerror="${CANARY}">`)
      const { apiUrl } = world().roomlog
      const { urls } = await world().roomlog.state()
      const harm = await harmIn(ada.page, [apiUrl, urls.api, ...urls.ws])
      await ada.signUp()
      const roomName = `<svg onload="${CANARY}">`
      await ada.createRoom(roomName)
      for (const [i, name] of CANARIES.entries()) {
        const other = await Person.register(apiUrl, `other_${i}_${crypto.randomUUID().slice(0, 8)}`, name)
        await other.joinRoom(ada.roomId)
        await other.createRoom(name)
      }
      for (const text of CANARIES) {
        await ada.say(text)
        await ada.message(text).first().waitFor()
      }
      await vi.waitFor(async () => expect(await world().stored(ada)).toEqual(CANARIES), PATIENCE)
      await ada.showMembers()
      for (const name of CANARIES) await ada.page.getByText(name, { exact: true }).last().waitFor()
      await ada.openDialog('Find rooms')
      for (const name of [roomName, ...CANARIES])
        await ada.page.getByRole('dialog').getByText(name).first().waitFor()
      await ada.page.keyboard.press('Escape')
      await ada.page.reload()
      for (const text of CANARIES) await ada.message(text).first().waitFor()
      for (const link of await ada.log.getByRole('link').all()) {
        expect(await link.getAttribute('href')).toMatch(/^https?:/)
        await link.hover()
      }
      const { page } = ada
      expect(await page.locator('[onerror],[onload],[onmouseover],[href^="javascript:" i]').count()).toBe(0)
      expect(await page.locator('#root script, #root img').count()).toBe(0)
      expect(await page.evaluate('globalThis.canary')).toBeUndefined()
      expect(await harm()).toEqual([])
    })

    test.each([
      ['en-GB', ENGLISH, 'Many people use this password'],
      ['ko-KR', KOREAN, '많은 사람이 쓰는 비밀번호'],
    ])('is told in their language that a password is too common: %s', async (locale, words, why) => {
      const ada = await world().visit('Ada', { locale }, words, { password: 'Password123' })
      await ada.askForAccount()
      await ada.page.getByRole('alert').getByText(why).waitFor()
      await world().leave([/^Failed to load resource: .* 400 .*\/auth\/register/])
    })

    test('speaks Korean, and composes it', async () => {
      const ada = await world().person('지수', { locale: 'ko-KR' }, KOREAN)
      await ada.createRoom('차 한잔')
      expect(await ada.page.locator('html').getAttribute('lang')).toBe('ko')
      const session = await ada.page.context().newCDPSession(ada.page)
      await ada.messageBox.focus()
      await session.send('Input.imeSetComposition', { text: '안녕하', selectionStart: 3, selectionEnd: 3 })
      // The key that ends a composition sends nothing.
      await ada.messageBox.dispatchEvent('keydown', { key: 'Enter', isComposing: true, keyCode: 229 })
      await session.send('Input.insertText', { text: '안녕하세요' })
      expect(await ada.messageBox.inputValue()).toBe('안녕하세요')
      expect(await ada.articles.count()).toBe(0)
      await ada.messageBox.press('Enter')
      await ada.shows('안녕하세요')
      await ada.isState('안녕하세요', 'Stored')
      expect(await world().stored(ada)).toEqual(['안녕하세요'])
    })

    test('has a phone', async () => {
      const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true }
      const ada = await world().person('Ada', phone)
      // Cut off or to be scrolled sideways, both are too wide.
      const isWide = () =>
        ada.page.evaluate(`[...document.querySelectorAll('html, [role=log], [role=log] article')]
          .some(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)`)
      expect(await isWide()).toBe(false)
      await ada.createRoom('On the way')
      const long = 'o'.repeat(300)
      await ada.messageBox.fill(`https://example.org/${long}`)
      await ada.button('Send').tap()
      await ada.isState(long, 'Stored')
      expect(await isWide()).toBe(false)
      expect(await graveFindings(ada.page)).toEqual([])
      await ada.page.getByRole('link', { name: 'Back to rooms' }).tap()
      await ada.room('On the way').tap()
      await ada.shows(long)
    })
  })
}
