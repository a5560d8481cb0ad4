import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROLES } from '@roomlog/db'
import type { Counts, Finding } from '../audit/findings.ts'
import { ROOT, type Stack } from './stack.ts'

const run = promisify(execFile)

/**
 * What `npm run audit` finds in the run's servers, past the proxies, in all that was accepted since it was asked last:
 * nothing, where the checker finds nothing either. It sees what no client does, as a message that was not published.
 */
export async function auditOf(stack: Stack): Promise<{
  readonly counts: Counts
  readonly findings: readonly Finding[]
}> {
  const env = { PATH: process.env.PATH ?? '', ...operatorEnvironment(stack) }
  const args = [join(ROOT, 'scripts', 'audit.ts'), '--json', '--accept', '--older-than', '0']
  const { stdout } = await run(process.execPath, args, { env, maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: Error & { readonly code?: number; readonly stdout: string }) => {
      if (error.code === 1) return error
      throw error
    },
  )
  return JSON.parse(stdout)
}

/** What an operator sets to work on the run's servers. */
export function operatorEnvironment({ options, servers }: Stack): Readonly<Record<string, string>> {
  return {
    ENGINE: options.engine,
    DATABASE_URL: servers.postgres.url,
    DATABASE_ROLE: ROLES.edge,
    KAFKA_BROKERS: servers.kafka?.direct.join() ?? '',
  }
}
