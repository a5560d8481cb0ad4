import { expect, test } from 'vitest'
import { readable } from './service-log.ts'

test.each([
  ['{"level":30,"msg":"listens"}', false, /listens/],
  ['{"level":40,"msg":"slow"}', true, /^warn slow/],
  [
    '{"level":60,"msg":"cannot start","err":{"message":"no database"}}',
    true,
    /^fatal cannot start.*no database/,
  ],
  ['{"level":"high"}', false, /level/],
  ['{broken', false, /\{broken/],
  ['Error: as Node says it', false, /as Node/],
])('%s', (line, isSerious, text) => {
  expect(readable(line)).toMatchObject({ isSerious })
  expect(readable(line).text).toMatch(text)
})
