import { parseArgs } from 'node:util'
import { makeLogins, migrate } from '@roomlog/db'
import { passwordsIn } from './migrate/logins.ts'

// The last line on standard output is JSON, for whoever starts services after it. With --logins it makes the services'
// logins, too, with the passwords that the environment has for them.
const url = process.env.DATABASE_URL
if (url === undefined || url === '') {
  console.error(
    'migrate: set DATABASE_URL to the PostgreSQL database, as postgres://user:password@host:5432/name',
  )
  process.exit(1)
}
try {
  const { values } = parseArgs({ options: { logins: { type: 'boolean' } } })
  const passwords = values.logins === true ? passwordsIn(process.env) : undefined
  const { applied, roles } = await migrate(url)
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`)
  if (!roles) {
    console.log(
      'This login may not create roles: leave DATABASE_ROLE unset, or have an administrator run this command.',
    )
  }
  if (passwords !== undefined) await makeLogins(url, passwords)
  console.log(JSON.stringify({ applied, roles }))
} catch (error) {
  console.error(`migrate: ${(error as Error).message}`)
  process.exit(1)
}
