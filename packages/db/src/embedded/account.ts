import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './errors.ts'

const run = promisify(execFile)

/** Whom PostgreSQL runs as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const PREFERRED_NAMES = ['postgres', '_postgres', 'nobody']

/**
 * PostgreSQL refuses to run as root, so root runs it as the owner of the data there are, else as `postgres` or `nobody`.
 * Undefined: this process is not root, and PostgreSQL runs as the same user.
 */
export async function chooseAccount(existingData: string | undefined): Promise<Account | undefined> {
  if (!isRoot()) return undefined
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''))
  if (existingData !== undefined) {
    const { uid, gid } = await stat(existingData)
    const name = accounts.find((a) => a.uid === uid)?.name ?? `user ${uid}`
    if (uid !== 0) return { name, uid, gid }
  }
  for (const name of PREFERRED_NAMES) {
    const account = accounts.find((a) => a.name === name && a.uid > 0)
    if (account !== undefined) return account
  }
  throw new EmbeddedPostgresError(
    'no_unprivileged_user',
    'PostgreSQL does not run as root, and this system has no user postgres or nobody to run it as. Start Roomlog as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
  )
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

function parsePasswd(text: string): readonly Account[] {
  return text.split('\n').map((line) => {
    const [name = '', , uid, gid] = line.split(':')
    return { name, uid: Number(uid), gid: Number(gid) }
  })
}

/** For `spawn` and its like: the identity to take, an environment without this process's own, and a folder all can enter. */
export function spawnOptions(account: Account | undefined) {
  return {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  }
}

/** Runs a shell test as the account. Its output; undefined when it fails. `script` sees `args` as $1, $2… */
export async function tryAs(
  account: Account | undefined,
  script: string,
  ...args: readonly string[]
): Promise<string | undefined> {
  try {
    return (await run('/bin/sh', ['-c', script, 'sh', ...args], spawnOptions(account))).stdout
  } catch (error) {
    if (account !== undefined && error instanceof Error && 'code' in error && error.code === 'EPERM') {
      throw new EmbeddedPostgresError(
        'no_unprivileged_user',
        `PostgreSQL does not run as root, and this process may not act as ${account.name}. Start Roomlog as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.`,
        error,
      )
    }
    return undefined
  }
}
