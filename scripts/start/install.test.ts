import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))

test('no command needs what npm runs before it, for npm_config_ignore_scripts leaves that out', () => {
  const names = Object.keys(scripts)
  expect(names.filter((name) => /^(pre|post)/.test(name))).toEqual([])
  for (const name of ['start', 'demo', 'migrate', 'topics', 'keys'])
    expect(scripts[name]).toContain(' --install ')
  expect(scripts.test).toContain(' --install=dev ')
})

test('no shell stands between npm and a command, for a shell keeps signals to itself', () => {
  for (const command of Object.values(scripts)) {
    if (String(command).includes('run.mjs')) expect(command).toMatch(/^exec node /)
  }
})
