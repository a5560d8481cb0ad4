import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { ENV_EXAMPLE, envExample } from './env-example.ts'
import { SERVICE_SETTINGS } from './services.ts'
import { SETTINGS_REFERENCE, settingsReference } from './settings-reference.ts'

const text = envExample()

test('.env.example is what npm run env-example makes', async () => {
  expect(await readFile(ENV_EXAMPLE, 'utf8')).toBe(text)
})

test('so is SETTINGS.md, which names the same settings', async () => {
  const reference = settingsReference()
  expect(await readFile(SETTINGS_REFERENCE, 'utf8')).toBe(reference)
  const named = [...text.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1])
  expect([...reference.matchAll(/^\| `([A-Z_]+)`/gm)].map((match) => match[1])).toEqual(named)
})

test('it names every setting of every service once', () => {
  const names = [...text.matchAll(/^#?([A-Z_]+)=/gm)].map((match) => match[1])
  expect(names).toEqual([...new Set(names)])
  for (const settings of Object.values(SERVICE_SETTINGS)) {
    for (const name of Object.keys(settings)) expect(names).toContain(name)
  }
})

test('only what must be set is no comment, and no service takes what stands there instead', () => {
  const active = new Map([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]))
  for (const settings of Object.values<Readonly<Record<string, z.ZodType>>>(SERVICE_SETTINGS)) {
    for (const [name, schema] of Object.entries(settings)) {
      expect([name, active.has(name)]).toEqual([name, !schema.safeParse(undefined).success])
      if (active.has(name)) expect([name, schema.safeParse(active.get(name)).success]).toEqual([name, false])
    }
  }
})
