import { frames } from './frames.ts'
import { rest } from './rest.ts'

/** Where it stands. */
export const REFERENCE = new URL('../../packages/protocol/REFERENCE.md', import.meta.url)

const HEAD = `# The wire

Made by \`npm run reference\` from the schemas that check every request and frame; a test sees to it that it is what they
say. What the words mean is told in the [README](../../README.md) and, of REST, at a running Roomlog's \`/docs\`.

A *ulid* has 26 characters of \`0-9A-HJKMNP-TV-Z\`. \`string 1..100\` is one of 1 to 100 UTF-16 units. Times are ISO 8601 in UTC.
`

/** The reference as Markdown. */
export async function reference(): Promise<string> {
  return [HEAD, await rest(), frames()].join('\n')
}
