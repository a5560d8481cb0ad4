import { expect, test } from 'vitest'
import { isEmojiOnly } from './emoji.ts'

test('a few emoji and nothing else are large', () => {
  expect(['🎉', '👩‍🚀 🇰🇷', '❤️👍🏽', '1️⃣'].every(isEmojiOnly)).toBe(true)
  expect(['', '  ', 'ok 🎉', '1', '#', '🎉'.repeat(7), '안녕'].some(isEmojiOnly)).toBe(false)
})
