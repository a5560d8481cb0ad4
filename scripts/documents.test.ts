import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import {
  messageCreatedSchema,
  messagePersistedSchema,
  messageRejectedSchema,
  PERSISTER_GROUP,
  TOPICS,
} from '@roomlog/events'
import { expect, test } from 'vitest'

const LINK = /\]\((?!https?:)([^)\s]+)\)/g
const HEADING = /^#+ (.+)$/gm
/** Of this folder's package.json: those of workspaces have a `-w`. */
const COMMAND = /\bnpm run (?:--silent )?([a-z][\w:-]*)\b(?! -w)/g
const DAY_MS = 24 * 60 * 60 * 1000

const files = globSync('**/*.md', { exclude: ['**/node_modules/**', '**/.*/**', '**/dist/**'] })
const scripts = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts)

test.each(files)('what %s links to is there', (file) => {
  const links = [...textOf(file).matchAll(LINK)].map(([, link = '']) => link)
  const broken = links.filter((link) => {
    const [path = '', heading] = link.split('#')
    const target = path === '' ? file : normalize(join(dirname(file), path))
    return !existsSync(target) || (heading !== undefined && !headingsOf(target).includes(heading))
  })
  expect(broken).toEqual([])
})

test.each(files)('every command that %s names is there', (file) => {
  expect(commandsOf(file).filter((name) => !scripts.includes(name))).toEqual([])
})

test('README.md names every command', () => {
  const named = [...commandsOf('README.md'), 'start', 'test']
  expect(scripts.filter((name) => !named.includes(name))).toEqual([])
})

test('README.md tells of each topic its events, its group and how long it is kept', () => {
  const events = {
    created: [fieldsOf('MessageCreated', messageCreatedSchema), `\`${PERSISTER_GROUP}\``],
    persisted: [
      fieldsOf('MessagePersisted', messagePersistedSchema),
      fieldsOf('MessageRejected', messageRejectedSchema),
      '`chat-broadcast.<EDGE_ID>`',
    ],
    deadLetters: ['npm run dlq'],
  }
  const rows = textOf('README.md').split('\n')
  for (const topic of Object.keys(TOPICS) as (keyof typeof TOPICS)[]) {
    const { name, retentionMs } = TOPICS[topic]
    const row = rows.find((line) => line.startsWith(`| \`${name}\` |`))
    for (const words of [...events[topic], `${retentionMs / DAY_MS} d`]) expect(row).toContain(words)
  }
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

/** Those in blocks of code, too. */
function commandsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(COMMAND)].map(([, name = '']) => name)
}

function fieldsOf(event: string, { shape }: { readonly shape: object }): string {
  return `\`${event} {${Object.keys(shape).join(', ')}}\``
}
