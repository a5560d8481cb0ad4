import { findBrowser, launchBrowser } from '@roomlog/testkit/browser-program'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { roomlogWithPage } from './roomlog.ts'
import { type Bench, type BenchContext, figureRow, type Row } from './row.ts'

const LOADS = 20
const CPU_SLOWER = 4
const TARGET_MS = 1000
/** Who can write here can do what they came for. */
const FIELDS = 'input[name=username], textarea'
/** Notes when one of the fields is there, drawn, and the page has nothing else to do. */
const NOTE_WHEN_USABLE = `new MutationObserver((_, observer) => {
  if (document.querySelector(${JSON.stringify(FIELDS)}) === null) return
  observer.disconnect()
  requestAnimationFrame(() => setTimeout(() => { globalThis.usableMs = performance.now() }))
}).observe(document, { childList: true, subtree: true })`

/**
 * From the asking for the page to when it can be used, in milliseconds, on a processor made four times slower:
 * the first time with an empty cache, where one signs in, and when one comes back to a room.
 */
export const page: Bench = { ids: ['page', 'page-back'], run }

async function run({ engine, say }: BenchContext): Promise<readonly Row[]> {
  const program = (await findBrowser()).urls[0]
  await using roomlog = await roomlogWithPage({ engine })
  await using browser = await launchBrowser(program)
  const row = async (id: string, what: string, options: BrowserContextOptions, path: string) => {
    const times: number[] = []
    for (let i = 1; i <= LOADS; i += 1) {
      times.push(await load(browser, roomlog.apiUrl + path, options))
      say(`${what}, load ${i} of ${LOADS}`)
    }
    const about = { id, what: `page, ${what}: until it can be used, ms`, target: { atMost: TARGET_MS } }
    return figureRow(about, times)
  }
  const { storageState, hash } = await roomOfSomebody(browser, roomlog.apiUrl)
  return [
    await row('page', 'first visit', {}, '/'),
    await row('page-back', 'back in a room', { storageState }, `/${hash}`),
  ]
}

async function load(browser: Browser, url: string, options: BrowserContextOptions): Promise<number> {
  const context = await browser.newContext(options)
  try {
    const tab = await context.newPage()
    const session = await context.newCDPSession(tab)
    await session.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWER })
    await tab.addInitScript(NOTE_WHEN_USABLE)
    await tab.goto(url)
    // Not as text: the page's policy lets none be run.
    const usable = await tab.waitForFunction(() => Reflect.get(globalThis, 'usableMs') as number)
    return await usable.jsonValue()
  } finally {
    await context.close()
  }
}

/** Somebody who has signed up, made a room and said something in it. */
async function roomOfSomebody(browser: Browser, url: string) {
  const context = await browser.newContext({ locale: 'en-GB' })
  const tab = await context.newPage()
  await tab.goto(url)
  await tab.getByLabel('Username', { exact: true }).fill(`bench_${crypto.randomUUID().slice(0, 8)}`)
  await tab.getByLabel('Password', { exact: true }).fill(crypto.randomUUID())
  await tab.getByRole('button', { name: 'Create account' }).click()
  await tab.getByRole('button', { name: 'New room' }).first().click()
  const dialog = tab.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('Bench')
  await dialog.getByRole('button', { name: 'Create' }).click()
  const message = tab.getByRole('textbox', { name: 'Message' })
  await message.fill('hello')
  await message.press('Enter')
  await tab.getByRole('img', { name: 'Stored' }).waitFor()
  const [storageState, { hash }] = [await context.storageState(), new URL(tab.url())]
  await context.close()
  return { storageState, hash }
}
