import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { findBrowser, launchBrowser } from '@roomlog/testkit/browser-program'
import type { Browser, BrowserContextOptions, Page, WebSocketRoute } from 'playwright-core'
import { type Cast, castStories } from './screenshots/cast.ts'
import { runningRoomlog } from './start/run-file.ts'

// Takes pictures of the running Roomlog's page: `npm run screenshots -- <folder> [<name> …]`. What is in them is made up.
const FOLDER = '.roomlog/screenshots'
/** Where it is the middle of an afternoon, whenever pictures are taken. */
const EAST_H = 15 - new Date().getUTCHours()
const timezoneId = `Etc/GMT${EAST_H > 0 ? '-' : '+'}${Math.abs(EAST_H)}`
const DESKTOP = { viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId } as const
const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: 'en-GB',
  timezoneId,
} as const
const TYPING_MS = 1000
const FESTIVAL = 'Harbour festival'

interface Shot {
  readonly options: BrowserContextOptions
  /** Brings the page to what is to be seen. */
  readonly scene: (page: Page, cast: Cast) => Promise<unknown>
}

const SHOTS: Readonly<Record<string, Shot>> = {
  'room-light': { options: DESKTOP, scene: inRoom },
  'room-dark': { options: { ...DESKTOP, colorScheme: 'dark' }, scene: inRoom },
  'room-wide': { options: { ...DESKTOP, viewport: { width: 1920, height: 1080 } }, scene: withMembers },
  'room-korean': { options: { ...DESKTOP, locale: 'ko-KR' }, scene: inRoom },
  'phone-rooms': { options: PHONE, scene: signedIn },
  'phone-room': { options: { ...PHONE, colorScheme: 'dark' }, scene: inRoom },
  'phone-members': { options: PHONE, scene: withMembers },
  unread: { options: DESKTOP, scene: (page, cast) => inRoom(page, cast, 'Night shift') },
  members: { options: { ...DESKTOP, colorScheme: 'dark' }, scene: withMembers },
  'new-room': { options: DESKTOP, scene: dialog('New room') },
  'find-rooms': { options: { ...DESKTOP, colorScheme: 'dark' }, scene: dialog('Find rooms') },
  account: { options: DESKTOP, scene: dialog('Account') },
  offline: { options: DESKTOP, scene: offline },
  'sign-in': { options: DESKTOP, scene: async () => undefined },
  'sign-in-korean': {
    options: { ...PHONE, locale: 'ko-KR', colorScheme: 'dark' },
    scene: async () => undefined,
  },
  'wrong-password': { options: DESKTOP, scene: wrongPassword },
  unreachable: { options: { ...DESKTOP, colorScheme: 'dark' }, scene: unreachable },
  'first-steps': { options: DESKTOP, scene: newcomer },
  'no-such-room': { options: DESKTOP, scene: strangeRoom },
}

async function main(): Promise<void> {
  const [to = FOLDER, ...names] = process.argv.slice(2)
  const folder = resolve(to)
  const run = await runningRoomlog()
  await mkdir(folder, { recursive: true })
  using cast = await castStories(run)
  const browser = await launchBrowser((await findBrowser()).urls[0])
  try {
    for (const [name, shot] of Object.entries(SHOTS)) {
      if (names.length > 0 && !names.includes(name)) continue
      const path = join(folder, `${name}.png`)
      await take(browser, run.urls.api, shot, cast, path)
      console.log(path)
    }
  } finally {
    await browser.close()
  }
}

async function take(browser: Browser, baseURL: string, shot: Shot, cast: Cast, path: string): Promise<void> {
  const context = await browser.newContext({ baseURL, reducedMotion: 'reduce', ...shot.options })
  try {
    const page = await context.newPage()
    await page.goto('/')
    await page.locator('input[name=username]').waitFor()
    await shot.scene(page, cast)
    await page.evaluate('document.fonts.ready')
    await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
  } finally {
    await context.close()
  }
}

/** One who signs in for each picture would soon be told to wait. */
async function signedIn(page: Page, { session }: Cast): Promise<void> {
  await page.evaluate(`localStorage.setItem('roomlog.session', ${JSON.stringify(session)})`)
  await page.reload()
  await page.getByTestId('room').filter({ hasText: FESTIVAL }).waitFor()
}

async function inRoom(page: Page, cast: Cast, name = FESTIVAL): Promise<void> {
  await signedIn(page, cast)
  await page.getByTestId('room').filter({ hasText: name }).click()
  await page.getByRole('article').first().waitFor()
  const roomId = cast.rooms.get(name)
  if (name !== FESTIVAL || roomId === undefined) return
  const typing = setInterval(() => cast.others.get('tomas')?.room(roomId).setTyping(true), TYPING_MS)
  await page
    .locator('.typing')
    .waitFor()
    .finally(() => clearInterval(typing))
}

async function withMembers(page: Page, cast: Cast): Promise<void> {
  await inRoom(page, cast)
  await page.getByRole('button', { name: 'Members' }).click()
  await page.getByRole('complementary', { name: 'Members' }).getByText('@amara').waitFor()
}

function dialog(name: string): Shot['scene'] {
  return async (page, cast) => {
    await inRoom(page, cast)
    await page.getByRole('button', { name, exact: true }).first().click()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).waitFor()
    if (name === 'Find rooms') await page.getByRole('dialog').getByRole('listitem').first().waitFor()
  }
}

async function offline(page: Page, cast: Cast): Promise<void> {
  let isAway = false
  const open: WebSocketRoute[] = []
  await page.routeWebSocket(/\/ws$/, (socket) => {
    if (isAway) return void socket.close()
    open.push(socket)
    socket.connectToServer()
  })
  await inRoom(page, cast)
  isAway = true
  for (const socket of open) await socket.close({ code: 1001 })
  const box = page.getByRole('textbox', { name: 'Message', exact: true })
  await box.fill('I am on the ferry. This goes out when there is a network again.')
  await box.press('Enter')
  await page.getByRole('img', { name: 'Queued' }).waitFor()
  await page.getByRole('status').getByText('Offline').waitFor()
}

async function wrongPassword(page: Page, { username }: Cast): Promise<void> {
  await page.getByRole('button', { name: 'I have an account' }).click()
  await page.getByLabel('Username', { exact: true }).fill(username)
  await page.getByLabel('Password', { exact: true }).fill('not this one')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('Username or password is wrong.').waitFor()
}

async function unreachable(page: Page): Promise<void> {
  await page.route('**/auth/*', (route) => route.abort())
  await page.getByLabel('Username', { exact: true }).fill('nora')
  await page.getByLabel('Password', { exact: true }).fill('correct horse')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByText('Roomlog cannot be reached.').waitFor()
}

async function newcomer(page: Page): Promise<void> {
  await page.getByLabel('Username', { exact: true }).fill(`mika_${crypto.randomUUID().slice(0, 4)}`)
  await page.getByLabel('Name', { exact: true }).fill('Mika')
  await page.getByLabel('Password', { exact: true }).fill('correct horse')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('heading', { name: 'Welcome, Mika' }).waitFor()
}

async function strangeRoom(page: Page, cast: Cast): Promise<void> {
  await newcomer(page)
  await page.evaluate(`location.hash = '#/rooms/${cast.rooms.get('Night shift')}'`)
  await page.getByRole('heading', { name: 'You are not in this room' }).waitFor()
}

main().catch((error: Error) => {
  console.error(`screenshots: ${error.message}`)
  process.exit(1)
})
