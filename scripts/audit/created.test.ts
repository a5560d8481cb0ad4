import { serialize } from 'node:v8'
import { encodeCreated } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { expect, test } from 'vitest'
import { message } from '../test/operator-world.ts'
import { suspectOf } from './created.ts'

test('a suspect is small, however large its message: a bad day has tens of thousands', () => {
  const record = { ...encodeCreated(message(newId(), 'x'.repeat(8000))), offset: 1n, at: new Date() }
  expect(serialize(suspectOf(0, record)).length).toBeLessThan(1000)
})
