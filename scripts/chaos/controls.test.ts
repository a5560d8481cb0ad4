import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONTROLS, type Control } from './controls.ts'

const ROOT = join(import.meta.dirname, '../..')

test.for(Object.entries<Control>(CONTROLS))('%s breaks what is there, once', ([, { patches }]) => {
  for (const { file, find } of patches) {
    expect(readFileSync(join(ROOT, file), 'utf8').split(find), `${file}: ${find}`).toHaveLength(2)
  }
})
