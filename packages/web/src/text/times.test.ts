import { expect, test } from 'vitest'
import { dayNumber, dayTitle, shortTime } from './times.ts'

const NOW = new Date(2026, 4, 6, 10, 0)
const iso = (...at: [number, number, number, number?]) => new Date(...at).toISOString()

test('a day is a local one', () => {
  expect(dayNumber(new Date(2026, 4, 6, 23, 59)) - dayNumber(new Date(2026, 4, 6, 0, 0))).toBe(0)
  expect(dayNumber(new Date(2026, 4, 7, 0, 0)) - dayNumber(new Date(2026, 4, 6, 23, 59))).toBe(1)
})

test('days are titled by how far they are', () => {
  const titles = (language: 'en' | 'ko') =>
    [iso(2026, 4, 6, 1), iso(2026, 4, 5, 23), iso(2026, 0, 2), iso(2025, 11, 31)].map((at) =>
      dayTitle(at, NOW, language),
    )
  expect(titles('en')).toEqual(['Today', 'Yesterday', 'Friday, January 2', 'Wednesday, December 31, 2025'])
  expect(titles('ko')).toEqual(['오늘', '어제', '1월 2일 금요일', '2025년 12월 31일 수요일'])
})

test('a list has the time of today, the weekday of this week, and the date of before', () => {
  const short = [iso(2026, 4, 6, 9), iso(2026, 4, 4), iso(2026, 3, 20)].map((at) => shortTime(at, NOW, 'en'))
  expect(short).toEqual([expect.stringMatching(/^9:00\sAM$/), 'Mon', 'Apr 20'])
})
