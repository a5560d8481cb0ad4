import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { passwordSchema } from '@roomlog/protocol'

/** OWASP ASVS 5.0, 6.2.4: at least so many, of those that could be chosen. */
const REFUSED = 3000
/** The commonest first, in lower case. The file itself: the package's door keeps all of it, and more, in memory. */
const LIST = '@zxcvbn-ts/language-common/src/passwords.json'

const common = commonest()

/** A password that somebody chooses. Who has a common one from before goes on logging in with it. */
export const newPasswordSchema = passwordSchema.refine(
  (password) => !common.has(password.toLowerCase()),
  'must not be one of the commonest passwords',
)

function commonest(): ReadonlySet<string> {
  const file = createRequire(import.meta.url).resolve(LIST)
  const byFrequency: readonly string[] = JSON.parse(readFileSync(file, 'utf8'))
  const found = new Set<string>()
  for (const password of byFrequency) {
    if (found.size === REFUSED) break
    if (passwordSchema.safeParse(password).success) found.add(password)
  }
  return found
}
