import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BODY, canariesIn, PASSWORD, searchCanaries, summaryOf } from './canaries.ts'

const TOKEN = `eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ4In0.${'s'.repeat(86)}`
const REFRESH_TOKEN = `rlr_${'r'.repeat(43)}`
const JWK = { kty: 'OKP', crv: 'Ed25519', x: 'x'.repeat(43), d: 'd'.repeat(43) }
const inLog = (value: unknown) => JSON.stringify({ level: 30, value })

test.each([
  ['password', `${PASSWORD}, changed`],
  ['password hash', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA'],
  ['private key', JWK],
  ['private key', JSON.stringify(JWK)],
  ['access token', TOKEN],
  ['access token', { authorization: `Bearer ${TOKEN}` }],
  ['access token', TOKEN.slice(0, -40)],
  ['refresh token', REFRESH_TOKEN],
  ['refresh token', JSON.stringify({ refreshToken: REFRESH_TOKEN })],
  ['body', `${BODY} 7`],
  ['body', { message: { body: 'x' } }],
  ['body', JSON.stringify({ type: 'sendMessage', body: '' })],
  ['body', JSON.stringify(JSON.stringify({ body: '' }))],
])('a %s is found in a log, as in %j', (name, value) => {
  expect(canariesIn(inLog(value), 'operators')).toEqual([name])
})

test('what a log tells is none', () => {
  const { d: _, ...publicKey } = JWK
  for (const value of [publicKey, 'body', { bodies: 1, userId: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }, 'eyJhb.eyJ'])
    expect(canariesIn(inLog(value), 'operators')).toEqual([])
})

test('people are given their tokens and messages, but no password and no key', () => {
  for (const theirs of [TOKEN, REFRESH_TOKEN, { body: BODY }]) {
    expect(canariesIn(inLog(theirs), 'people')).toEqual([])
  }
  expect(canariesIn(inLog({ password: PASSWORD, jwk: JWK }), 'people')).toEqual(['password', 'private key'])
})

test('every file of a folder is searched, by whom it is for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roomlog-canaries-'))
  try {
    await mkdir(join(folder, 'logs'))
    await writeFile(join(folder, 'people-1'), `${BODY}\n${PASSWORD}`)
    await writeFile(join(folder, 'logs', 'api.log'), `{}\n{}\n${inLog(BODY)}\n`)
    const search = await searchCanaries(folder)
    expect(search.hits.map((hit) => hit.split(':')[0]).toSorted()).toEqual([
      'body in api.log, line 3',
      'password in people-1, line 2',
    ])
    expect(summaryOf(search)).toBe('Canaries: 5 lines of 2 files searched, 2 hits')
  } finally {
    await rm(folder, { recursive: true })
  }
})
