import { EmbeddedPostgresError } from '@roomlog/db/embedded'
import { describe, expect, test } from 'vitest'
import { describeFailure, StartFailure } from './failure.ts'

const systemError = (code: string) => Object.assign(new Error(`${code}: it failed, open '/x'`), { code })

describe('what a person is told about a failure', () => {
  test.each(['ENOSPC', 'EDQUOT'])('%s: the disk is full', (code) => {
    expect(describeFailure(systemError(code), '/data')).toMatch(
      /^The disk that holds \/data is full\..*ROOMLOG_DATA/,
    )
  })

  test.each(['EACCES', 'EPERM', 'EROFS'])('%s: the folder is not theirs', (code) => {
    expect(describeFailure(systemError(code), '/data')).toMatch(/may not write in \/data .*ROOMLOG_DATA/)
  })

  test.each([
    new StartFailure('port_in_use', 'Port 3000 is in use. Set API_PORT.'),
    new EmbeddedPostgresError('locked', 'Another one. End it.'),
  ])('$name: its own words', (error) => {
    expect(describeFailure(error, '/data')).toBe(error.message)
  })

  test('anything else: what it says, and how to see more', () => {
    expect(describeFailure(new TypeError('x is not a function'), '/data')).toBe(
      'x is not a function. Set LOG_LEVEL=debug to see where that comes from.',
    )
    expect(describeFailure('thrown', '/data')).toBe('thrown')
  })
})
