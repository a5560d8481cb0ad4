import { migrate } from '@roomlog/db'

// The last line on standard output is JSON, for whoever starts services after it.
const url = process.env.DATABASE_URL
if (url === undefined || url === '') {
  console.error(
    'migrate: set DATABASE_URL to the PostgreSQL database, as postgres://user:password@host:5432/name',
  )
  process.exit(1)
}
try {
  const { applied, roles } = await migrate(url)
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`)
  if (!roles) {
    console.log(
      'This login may not create roles: leave DATABASE_ROLE unset, or have an administrator run this command.',
    )
  }
  console.log(JSON.stringify({ applied, roles }))
} catch (error) {
  console.error(`migrate: ${(error as Error).message}`)
  process.exit(1)
}
