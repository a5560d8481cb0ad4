import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The password of those whom suites register, or the beginning of it. */
export const PASSWORD = 'correct horse battery'
/** What suites have people say, or the beginning of it. */
export const BODY = 'a canary sings'

/** What people are told is theirs, such as a message; everything else is for those who run Roomlog. */
export type Audience = 'people' | 'operators'

interface Canary {
  readonly name: string
  readonly pattern: RegExp
  /** Those who must not see it. */
  readonly from: readonly Audience[]
}

const CANARIES: readonly Canary[] = [
  { name: 'password', pattern: new RegExp(PASSWORD), from: ['people', 'operators'] },
  { name: 'password hash', pattern: /\$argon2id\$/, from: ['people', 'operators'] },
  { name: 'private key', pattern: /\\*"d\\*":\s*\\*"[\w-]{43}\\*"/, from: ['people', 'operators'] },
  // Two of its parts begin as every JSON object does.
  { name: 'access token', pattern: /eyJ[\w-]{8,}\.eyJ/, from: ['operators'] },
  { name: 'refresh token', pattern: /rlr_[\w-]{20}/, from: ['operators'] },
  // Also one without the word: frames, events and rows name it so, within JSON within JSON, too.
  { name: 'body', pattern: new RegExp(`${BODY}|\\\\*"body\\\\*":`), from: ['operators'] },
]

const EXCERPT_CHARACTERS = 200

export interface Search {
  readonly files: number
  readonly lines: number
  /** What was found: which canary, in which file and line. */
  readonly hits: readonly string[]
}

/** Looks through all that a folder's files hold; those whose name begins with `people` are for people. */
export async function searchCanaries(folder: string): Promise<Search> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((it) => it.isFile())
  let lines = 0
  const hits: string[] = []
  for (const { parentPath, name } of files) {
    const audience = name.startsWith('people') ? 'people' : 'operators'
    let line = 0
    const input = createReadStream(join(parentPath, name), 'latin1')
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1
      for (const canary of canariesIn(text, audience))
        hits.push(`${canary} in ${name}, line ${line}: ${text.slice(0, EXCERPT_CHARACTERS)}`)
    }
    lines += line
  }
  return { files: files.length, lines, hits }
}

/** The names of those that a line holds and its readers must not see. */
export function canariesIn(line: string, audience: Audience): readonly string[] {
  return CANARIES.filter(({ from, pattern }) => from.includes(audience) && pattern.test(line)).map(
    ({ name }) => name,
  )
}

/** The line that closes a search. */
export function summaryOf({ files, lines, hits }: Search): string {
  return `Canaries: ${lines} lines of ${files} files searched, ${hits.length} hits`
}
