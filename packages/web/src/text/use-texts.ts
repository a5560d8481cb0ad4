import { useValue } from '../state/use-value.ts'
import { en, type Texts } from './en.ts'
import { ko } from './ko.ts'
import { type Language, language, localeOf } from './language.ts'

export const TEXTS: Readonly<Record<Language, Texts>> = { en, ko }

/** Everything that the page says, in its language. */
export function useTexts(): Texts {
  return TEXTS[useValue(language)]
}

export function useLanguage(): Language {
  return useValue(language)
}

/** For numbers and times. */
export function useLocale(): string {
  return localeOf(useLanguage(), navigator.languages)
}
