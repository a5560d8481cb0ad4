import { expect, test } from 'vitest'
import { en } from './en.ts'
import { ko } from './ko.ts'

test('counts are said as each language does', () => {
  expect([en.unread(1), en.unread(1200), en.members(1)]).toEqual([
    '1 unread message',
    '1,200 unread messages',
    '1 member',
  ])
  expect([ko.unread(1), ko.members(2)]).toEqual(['읽지 않은 메시지 1개', '멤버 2명'])
})

test('several names are listed as each language does', () => {
  expect(en.typing(['Ada'])).toBe('Ada is typing…')
  expect(en.typing(['Ada', 'Grace'])).toBe('Ada and Grace are typing…')
  expect(ko.readBy(['Ada', 'Grace'])).toBe('읽음: Ada 및 Grace')
})

test('no text of the page is empty', () => {
  const texts = (table: object): string[] =>
    Object.values(table).flatMap((it) =>
      typeof it === 'object' ? texts(it) : typeof it === 'string' ? [it] : [],
    )
  expect([...texts(en), ...texts(ko)].filter((text) => text.trim() === '')).toEqual([])
})
