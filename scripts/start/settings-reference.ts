import { markdown } from '../markdown.ts'
import { settingSections } from './setting-sections.ts'

/** Where it stands. */
export const SETTINGS_REFERENCE = new URL('../../infra/SETTINGS.md', import.meta.url)

const HEAD = `# Settings

Made by \`npm run env-example\` from the schemas that check them, as is [.env.example](../.env.example); a test sees to it that it
is what they say. They are read from the environment, an empty one is an unset one. A service that finds a problem names all
of them at once and does not start; nothing of their values is printed. \`npm start\` needs none.
`

/** Every setting with its default and what it means, as Markdown. */
export function settingsReference(): string {
  const sections = settingSections().map(({ title, entries }) => {
    const rows = entries.map(({ name, fallback, description }) => [
      `\`${name}\``,
      fallback === undefined ? '**required**' : fallback === '' ? '–' : `\`${fallback}\``,
      description.replaceAll('|', '\\|'),
    ])
    return `## ${title}\n\n${markdown([['setting', 'default', 'what it means'], ...rows])}\n`
  })
  return [HEAD, ...sections].join('\n')
}
