import type { Locator, Page } from 'playwright-core'

/** How long a thing may take to show on a machine that has much else to do. */
const PATIENCE_MS = 60_000
/** For `vi.waitFor`. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: 100 }

/** Of an own message. */
export type State = 'Queued' | 'Accepted' | 'Stored'

/** What the page calls things, as who hears it read does. */
interface Words {
  readonly createAccount: string
  readonly isNew: string
  readonly hasAccount: string
  readonly logIn: string
  readonly username: string
  readonly password: string
  readonly name: string
  readonly rooms: string
  readonly newRoom: string
  readonly roomName: string
  readonly create: string
  readonly message: string
  readonly messages: string
  readonly send: string
  readonly states: Readonly<Record<State, string>>
}

export const ENGLISH: Words = {
  createAccount: 'Create account',
  isNew: 'I am new here',
  hasAccount: 'I have an account',
  logIn: 'Log in',
  username: 'Username',
  password: 'Password',
  name: 'Name',
  rooms: 'Rooms',
  newRoom: 'New room',
  roomName: 'Name',
  create: 'Create',
  message: 'Message',
  messages: 'Messages',
  send: 'Send',
  states: { Queued: 'Queued', Accepted: 'Accepted', Stored: 'Stored' },
}

export const KOREAN: Words = {
  createAccount: '계정 만들기',
  isNew: '처음이에요',
  hasAccount: '이미 계정이 있어요',
  logIn: '로그인',
  username: '사용자 이름',
  password: '비밀번호',
  name: '표시 이름',
  rooms: '대화방',
  newRoom: '새 대화방',
  roomName: '이름',
  create: '만들기',
  message: '메시지',
  messages: '메시지',
  send: '보내기',
  states: { Queued: '대기 중', Accepted: '접수됨', Stored: '저장됨' },
}

export interface Account {
  readonly username: string
  readonly password: string
  readonly name: string
}

/** The chat page as a person uses it: by the names of things, never by how they are made. */
export class ChatPage {
  readonly page: Page
  readonly account: Account
  readonly #words: Words

  constructor(page: Page, account: Account, words = ENGLISH) {
    this.page = page
    this.account = account
    this.#words = words
  }

  // --- signing in

  async signUp(): Promise<void> {
    await this.askForAccount()
    await this.isIn()
  }

  /** Resolves before there is an answer. */
  async askForAccount(): Promise<void> {
    await this.#fillAccount(this.#words.isNew)
    await this.#field(this.#words.name).fill(this.account.name)
    await this.button(this.#words.createAccount).click()
  }

  async logIn(): Promise<void> {
    await this.#fillAccount(this.#words.hasAccount)
    await this.button(this.#words.logIn).click()
    await this.isIn()
  }

  /** Resolves when the rooms of who is signed in are shown. */
  async isIn(): Promise<void> {
    await this.rooms.waitFor()
  }

  async #fillAccount(swap: string): Promise<void> {
    const [swapper, username] = [this.button(swap), this.#field(this.#words.username)]
    await username.waitFor()
    if (await swapper.isVisible()) await swapper.click()
    await username.fill(this.account.username)
    await this.#field(this.#words.password).fill(this.account.password)
  }

  // --- rooms

  get rooms(): Locator {
    return this.page.getByRole('navigation', { name: this.#words.rooms })
  }

  /** Its line in the list. */
  room(name: string): Locator {
    return this.rooms.getByRole('link').filter({ hasText: name })
  }

  /** Of the one that is open. */
  get roomId(): string {
    return new URL(this.page.url()).hash.split('/').at(-1) ?? ''
  }

  async openRoom(name: string): Promise<void> {
    await this.room(name).click()
    await this.messageBox.waitFor()
  }

  async createRoom(name: string): Promise<void> {
    await this.button(this.#words.newRoom).first().click()
    const dialog = this.page.getByRole('dialog', { name: this.#words.newRoom })
    await dialog.getByLabel(this.#words.roomName, { exact: true }).fill(name)
    await dialog.getByRole('button', { name: this.#words.create }).click()
    await this.messageBox.waitFor()
  }

  /** A public one of others. */
  async findRoom(name: string): Promise<void> {
    await this.button('Find rooms').first().click()
    const dialog = this.page.getByRole('dialog', { name: 'Find rooms' })
    const found = dialog.getByRole('listitem').filter({ hasText: name })
    await found.getByRole('button', { name: 'Join' }).click()
    await this.messageBox.waitFor()
  }

  async showMembers(): Promise<void> {
    await this.button('Members').click()
    await this.page.getByRole('complementary', { name: 'Members' }).getByRole('listitem').first().waitFor()
  }

  async openDialog(name: string): Promise<void> {
    await this.button(name).first().click()
    await this.page.getByRole('dialog', { name }).waitFor()
  }

  // --- messages

  get log(): Locator {
    return this.page.getByRole('log', { name: this.#words.messages })
  }

  get articles(): Locator {
    return this.log.getByRole('article')
  }

  /** Those that say this. */
  message(text: string): Locator {
    return this.articles.filter({ hasText: text })
  }

  get messageBox(): Locator {
    return this.page.getByRole('textbox', { name: this.#words.message, exact: true })
  }

  async say(text: string): Promise<void> {
    await this.messageBox.fill(text)
    await this.messageBox.press('Enter')
  }

  /** Resolves when it is shown, once. */
  async shows(text: string): Promise<void> {
    await this.message(text).first().waitFor()
    const count = await this.message(text).count()
    if (count !== 1) throw new Error(`${JSON.stringify(text)} is shown ${count} times`)
  }

  /** Of an own message: resolves when it is in this state. */
  async isState(text: string, state: State): Promise<void> {
    await this.message(text).getByRole('img', { name: this.#words.states[state] }).waitFor()
  }

  // --- all else

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  get banner(): Locator {
    return this.page.getByRole('status')
  }

  #field(name: string): Locator {
    return this.page.getByLabel(name, { exact: true })
  }
}
