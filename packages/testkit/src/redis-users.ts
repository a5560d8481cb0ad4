import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import type { TestRedis } from './dependencies.ts'

const FILE = new URL('../../../infra/redis/users.acl', import.meta.url)
const PASSWORD = 'a-password-of-a-test'

export type AclUser = 'edge' | 'api'

export interface AclUsers extends AsyncDisposable {
  urlOf(user: AclUser): string
}

/** The users of `infra/redis/users.acl` below a namespace, as operations are told to make them, on a server that others share. */
export async function aclUsers({ url, namespace }: TestRedis): Promise<AclUsers> {
  const client = new Redis(url)
  const lines = (await readFile(FILE, 'utf8')).trim().split('\n')
  const made: string[] = []
  for (const line of lines) {
    const [, name = '', ...rules] = line
      .replaceAll(/[A-Z]+_REDIS_PASSWORD/g, PASSWORD)
      .replaceAll(/ ([~&])/g, ` $1${namespace}:`)
      .split(' ')
    // The other suites are the default user.
    if (name === 'default') continue
    made.push(`${namespace}-${name}`)
    await client.call('ACL', 'SETUSER', made.at(-1) ?? '', ...rules)
  }
  return {
    urlOf: (user) => {
      const own = new URL(url)
      ;[own.username, own.password] = [`${namespace}-roomlog-${user}`, PASSWORD]
      return own.href
    },
    [Symbol.asyncDispose]: async () => {
      await client.call('ACL', 'DELUSER', ...made)
      client.disconnect()
    },
  }
}
