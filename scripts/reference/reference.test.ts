import { readFile } from 'node:fs/promises'
import { clientFrameSchemas, DEFAULT_LIMITS } from '@roomlog/protocol'
import { expect, test } from 'vitest'
import { REFERENCE, reference } from './reference.ts'

const text = await reference()

test('REFERENCE.md is what npm run reference makes', async () => {
  expect(await readFile(REFERENCE, 'utf8')).toBe(text)
})

test('it names every frame, and the answers of routes', () => {
  for (const type of Object.keys(clientFrameSchemas(DEFAULT_LIMITS))) expect(text).toContain(`\`${type}\``)
  expect(text).toContain("readonly type: 'welcome'")
  expect(text).toMatch(/^### POST \/rooms$/m)
})
