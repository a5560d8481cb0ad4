import fc from 'fast-check'
import { expect, test } from 'vitest'
import { linkParts } from './links.ts'

const links = (text: string) => linkParts(text).flatMap(({ text: shown, href }) => (href ? [shown] : []))

test('the parts are the text', () => {
  const words = [' ', '(', ')', '.', 'http://', 'https://a.example/x?y=(1)', '방', '<a href="', '\n']
  const text = fc.array(fc.oneof(fc.constantFrom(...words), fc.string())).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, (it) => {
      const parts = linkParts(it).map((part) => part.text)
      expect(parts.join('')).toBe(it)
    }),
  )
})

test('an address ends before what belongs to the sentence', () => {
  expect(links('see https://a.example/x?y=1#z, or http://b.example.')).toEqual([
    'https://a.example/x?y=1#z',
    'http://b.example',
  ])
  expect(links('(https://a.example/wiki/Log_(maths))')).toEqual(['https://a.example/wiki/Log_(maths)'])
  expect(links('여기 https://a.example/방 보세요。')).toEqual(['https://a.example/방'])
})

test('nothing but the web is an address', () => {
  for (const text of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc', 'ftp://a.example', 'http://'])
    expect(links(text)).toEqual([])
  expect(links('xhttp://a.example')).toEqual([])
  expect(linkParts('HTTPS://A.example')).toEqual([{ text: 'HTTPS://A.example', href: 'https://a.example/' }])
})

test('an address within markup is text like all else', () => {
  expect(links('<a href="https://a.example">x</a>')).toEqual(['https://a.example'])
})
