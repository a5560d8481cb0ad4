import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const LINK = /\]\((?!https?:)([^)\s]+)\)/g
const HEADING = /^#+ (.+)$/gm

const files = globSync('**/*.md', { exclude: ['**/node_modules/**', '**/.*/**', '**/dist/**'] })

test.each(files)('what %s links to is there', (file) => {
  const links = [...textOf(file).matchAll(LINK)].map(([, link = '']) => link)
  const broken = links.filter((link) => {
    const [path = '', heading] = link.split('#')
    const target = path === '' ? file : normalize(join(dirname(file), path))
    return !existsSync(target) || (heading !== undefined && !headingsOf(target).includes(heading))
  })
  expect(broken).toEqual([])
})

function textOf(file: string): string {
  return readFileSync(file, 'utf8').replaceAll(/^```.*?^```/gms, '')
}

/** As GitHub makes anchors of them. */
function headingsOf(file: string): readonly string[] {
  return [...textOf(file).matchAll(HEADING)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
