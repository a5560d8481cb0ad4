import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { History, Session } from '@roomlog/protocol/wire'
import { type Browser, PASSWORD, browser as testBrowser } from '@roomlog/testkit'
import type { AxeResults } from 'axe-core'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect, vi } from 'vitest'
import { type Account, ChatPage, ENGLISH, PATIENCE } from './chat-page.ts'
import { type Engine, type RunningRoomlog, startRoomlog } from './running-roomlog.ts'

/** Short, so that every page has to renew its token now and then. */
export const TOKEN_TTL_MS = 20_000
const SETTINGS = {
  ACCESS_TOKEN_TTL: String(TOKEN_TTL_MS / 1000),
  REGISTRATIONS_PER_MINUTE: '1000',
  LOGINS_PER_MINUTE: '1000',
  ACCOUNT_LOGINS_PER_MINUTE: '1000',
}
const GRAVE = ['serious', 'critical']

interface Visit {
  readonly context: BrowserContext
  readonly problems: string[]
}

/** A Roomlog as `npm start` runs it, and a browser in which people open its page. */
export class PageWorld implements AsyncDisposable {
  readonly roomlog: RunningRoomlog
  /** Where the database is, for what would take too long by the page. */
  readonly databaseUrl: string
  readonly #browser: Browser
  readonly #resources: AsyncDisposableStack
  #visits: readonly Visit[] = []

  private constructor(
    roomlog: RunningRoomlog,
    databaseUrl: string,
    browser: Browser,
    resources: AsyncDisposableStack,
  ) {
    this.roomlog = roomlog
    this.databaseUrl = databaseUrl
    this.#browser = browser
    this.#resources = resources
  }

  static async start(engine: Engine): Promise<PageWorld> {
    await using resources = new AsyncDisposableStack()
    const servers = resources.use(await engine.prepare())
    const roomlog = resources.use(await startRoomlog({ env: { ...servers.env, ...SETTINGS }, edges: 2 }))
    const browser = await testBrowser()
    resources.defer(() => browser.close())
    const { databaseUrl } = await roomlog.state()
    return new PageWorld(roomlog, databaseUrl, browser, resources.move())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync()
  }

  /** Somebody new opens the page in a browser of their own. */
  async visit(
    name: string,
    options: BrowserContextOptions = {},
    words = ENGLISH,
    changes: Partial<Account> = {},
  ): Promise<ChatPage> {
    const context = await this.#browser.newContext({
      locale: 'en-GB',
      baseURL: this.roomlog.apiUrl,
      ...options,
    })
    context.setDefaultTimeout(PATIENCE.timeout)
    const problems: string[] = []
    context.on('console', (message) => {
      if (message.type() === 'error') problems.push(`${message.text()} (${message.location().url})`)
    })
    context.on('weberror', (error) => problems.push(String(error.error().stack)))
    this.#visits = [...this.#visits, { context, problems }]
    return new ChatPage(await opened(context), { ...newAccount(name), ...changes }, words)
  }

  /** Another tab of the same browser. */
  async secondTab(chat: ChatPage): Promise<ChatPage> {
    return new ChatPage(await opened(chat.page.context()), chat.account)
  }

  /** Who has signed up, and is shown their rooms. */
  async person(name: string, options?: BrowserContextOptions, words?: typeof ENGLISH): Promise<ChatPage> {
    const chat = await this.visit(name, options, words)
    await chat.signUp()
    return chat
  }

  /** Two who are in one room, and look at it. */
  async pair(room: string): Promise<readonly [ChatPage, ChatPage]> {
    const [ada, grace] = [await this.person('Ada'), await this.person('Grace')]
    await ada.createRoom(room)
    await grace.findRoom(room)
    return [ada, grace]
  }

  /** What the room that this page shows has in store, in order, at most a page of it. */
  async stored(chat: ChatPage): Promise<readonly string[]> {
    const { accessToken } = await sessionOf(chat)
    const answer = await fetch(`${this.roomlog.apiUrl}/rooms/${chat.roomId}/messages?after=0&limit=100`, {
      headers: { authorization: `Bearer ${accessToken}` },
    })
    expect(answer.status).toBe(200)
    return ((await answer.json()) as History).messages.map(({ body }) => body)
  }

  async userIdOf(chat: ChatPage): Promise<string> {
    return (await sessionOf(chat)).user.id
  }

  /** SIGTERM; resolves when it has drained and its successor is ready. */
  async drain(name: string): Promise<void> {
    const serviceOf = async () => (await this.roomlog.state()).services.find((s) => s.name === name)
    const { pid, port } = (await serviceOf()) ?? {}
    if (pid === undefined) throw new Error(`${name} does not run`)
    process.kill(pid, 'SIGTERM')
    await vi.waitFor(async () => {
      expect([undefined, pid]).not.toContain((await serviceOf())?.pid)
      expect((await fetch(`http://localhost:${port}/readyz`)).status).toBe(200)
    }, PATIENCE)
  }

  /** Closes all that was opened; no page may have told of an error but those that are expected. */
  async leave(expected: readonly RegExp[] = []): Promise<void> {
    const visits = this.#visits
    this.#visits = []
    for (const { context } of visits) await context.close()
    const problems = visits.flatMap((visit) => visit.problems)
    const known = [...expected, EXPIRED]
    expect(problems.filter((problem) => !known.some((it) => it.test(problem)))).toEqual([])
  }
}

/** The refusal by which a page learns that its token has expired: the tokens are so short that a busy machine renews one late. */
const EXPIRED = /^Failed to load resource: the server responded with a status of 401/

/** What a browser says of its own when a server is away or a network is off. */
export const NETWORK_LOST = [
  /^WebSocket connection to .* failed/,
  /^Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED|SOCKET_NOT_CONNECTED|FAILED)/,
]

export function newAccount(name: string): Account {
  const run = randomUUID().slice(0, 8)
  const word = name
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '')
    .slice(0, 12)
  return { name, username: `${word}_${run}`, password: `${PASSWORD} ${run}` }
}

/** As this browser keeps it. */
export async function sessionOf({ page }: ChatPage): Promise<Session> {
  return JSON.parse(await page.evaluate<string>('localStorage["roomlog.session"]'))
}

async function opened(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto('/')
  return page
}

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What keeps people with disabilities out of what is shown now, as axe-core finds it. */
export async function graveFindings(page: Page): Promise<readonly string[]> {
  // As the debugger does, for the page's own policy lets in no script.
  await page.evaluate(await axeSource)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations
    .filter(({ impact }) => GRAVE.includes(impact ?? ''))
    .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`))
}
