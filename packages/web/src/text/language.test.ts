import { expect, test } from 'vitest'
import { languageOf, localeOf } from './language.ts'

test('the first language that the page speaks is chosen', () => {
  expect(languageOf(['ko-KR', 'en'])).toBe('ko')
  expect(languageOf(['de', 'fr-CA', 'en-GB', 'ko'])).toBe('en')
  expect([languageOf(['de']), languageOf([]), languageOf(['toString'])]).toEqual(['en', 'en', 'en'])
})

test('times are written as the browser wants that language', () => {
  expect(localeOf('en', ['ko-KR', 'en-GB', 'en-US'])).toBe('en-GB')
  expect(localeOf('ko', ['en-GB'])).toBe('ko')
})
