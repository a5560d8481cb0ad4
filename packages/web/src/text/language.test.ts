import { expect, test } from 'vitest'
import { languageOf } from './language.ts'

test('the first language that the page speaks is chosen', () => {
  expect(languageOf(['ko-KR', 'en'])).toBe('ko')
  expect(languageOf(['de', 'fr-CA', 'en-GB', 'ko'])).toBe('en')
  expect([languageOf(['de']), languageOf([]), languageOf(['toString'])]).toEqual(['en', 'en', 'en'])
})
