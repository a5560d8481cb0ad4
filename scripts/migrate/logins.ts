import { LOGINS, type Login } from '@roomlog/db'

/** Where the environment has each login's password. */
export const LOGIN_PASSWORDS: Readonly<Record<Login, string>> = {
  roomlog_edge_login: 'EDGE_DATABASE_PASSWORD',
  roomlog_api_login: 'API_DATABASE_PASSWORD',
  roomlog_persister_login: 'PERSISTER_DATABASE_PASSWORD',
  roomlog_auditor_login: 'AUDITOR_DATABASE_PASSWORD',
}

/** Throws when one is missing or empty. */
export function passwordsIn(env: Readonly<Record<string, string | undefined>>): Record<Login, string> {
  const found = (Object.keys(LOGINS) as Login[]).map((login) => [login, env[LOGIN_PASSWORDS[login]]] as const)
  const missing = found.flatMap(([login, password]) =>
    (password ?? '') === '' ? [LOGIN_PASSWORDS[login]] : [],
  )
  if (missing.length > 0)
    throw new Error(
      `--logins needs ${missing.join(', ')}. For docker-compose.yml, npm run secrets makes them.`,
    )
  return Object.fromEntries(found) as Record<Login, string>
}
