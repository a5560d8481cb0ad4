import { expect, test } from 'vitest'
import { hueOf, initialOf } from './avatar-facts.ts'

test('an initial is one character as people see it', () => {
  expect(['ada', ' 한글', '👩‍🚀 crew', 'é', ''].map(initialOf)).toEqual(['A', '한', '👩‍🚀', 'É', '?'])
})

test('a hue is one of eight, and differs between ids that differ little', () => {
  const hues = ['01A', '01B', '01C', '01D'].map(hueOf)
  expect(hues.every((hue) => hue >= 0 && hue < 8)).toBe(true)
  expect(new Set(hues).size).toBe(4)
  expect(hueOf('AB')).not.toBe(hueOf('BA'))
})
