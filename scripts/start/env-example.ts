import { type SettingEntry, settingSections } from './setting-sections.ts'

/** Where it stands. */
export const ENV_EXAMPLE = new URL('../../.env.example', import.meta.url)

/** What stands for a value that only the reader knows. No service accepts one. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  DATABASE_URL: '<postgres://user:password@host:5432/name>',
  JWT_PRIVATE_KEY: '<npm run keys>',
  JWT_PUBLIC_KEYS: '<npm run keys>',
}

const HEAD = `# Every setting of Roomlog. Made by \`npm run env-example\`, do not edit.
#
# npm start needs none of them: it chooses ports, database, keys and roles for its services, and passes on to each what is
# set in its environment and the service knows. A service run alone reads its environment, and no file unless told so:
#   node --env-file=.env scripts/run.mjs services/api/src/main.ts
# What has a default or may be left out is a comment here. <…> must be replaced; no service starts with it.`

/** The text of `.env.example`. */
export function envExample(): string {
  const sections = settingSections().map(({ title, entries }) =>
    [`# --- ${title} ${'-'.repeat(72 - title.length)}`, ...entries.map(lines)].join('\n\n'),
  )
  return `${[HEAD, ...sections].join('\n\n')}\n`
}

function lines({ name, description, fallback }: SettingEntry): string {
  const value =
    fallback === undefined ? `${name}=${PLACEHOLDERS[name] ?? '<required>'}` : `#${name}=${fallback}`
  return description === '' ? value : `# ${description}\n${value}`
}
