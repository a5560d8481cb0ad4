import { Cell } from '@roomlog/client'
import { keep, readKept } from '../state/kept.ts'

export const LANGUAGES = { en: 'English', ko: '한국어' } as const
export type Language = keyof typeof LANGUAGES

const KEY = 'roomlog.language'

/** The first of these that the page speaks, as `navigator.languages` has them. */
export function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-')[0]
    if (isLanguage(language)) return language
  }
  return 'en'
}

/** How the browser wants a language's times written: of what it wants, the first of that language. */
export function localeOf(language: Language, wanted: readonly string[]): string {
  return wanted.find((tag) => tag.toLowerCase().split('-')[0] === language) ?? language
}

export function isLanguage(text: string | undefined): text is Language {
  return text !== undefined && Object.hasOwn(LANGUAGES, text)
}

const cell = new Cell<Language>('en')

/** The page's language: what was chosen before, else what the browser wants. */
export const language = {
  get: cell.get,
  subscribe: cell.subscribe,
  start(): void {
    const kept = readKept(KEY)
    show(isLanguage(kept) ? kept : languageOf(navigator.languages))
  },
  choose(choice: Language): void {
    keep(KEY, choice)
    show(choice)
  },
}

function show(choice: Language): void {
  document.documentElement.lang = choice
  cell.set(choice)
}
