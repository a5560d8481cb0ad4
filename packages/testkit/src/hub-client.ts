import { inject } from 'vitest'
import type { DependencyKind, Found } from './kinds.ts'
import type { SuiteRecord } from './summary.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the hub of this run listens; set by `global-setup.ts`. */
    roomlogHub: string
  }
}

/** Asks the run's main process for a server; the first to ask has it started for everybody. */
export async function findServer(kind: DependencyKind): Promise<Found> {
  return (await (await fetch(`${hub()}/servers/${kind}`)).json()) as Found
}

/** Tells the main process about a suite, for the summary at the end of the run. */
export async function recordSuite(record: SuiteRecord): Promise<void> {
  await fetch(`${hub()}/suites`, { method: 'POST', body: JSON.stringify(record) })
}

/** TEST_REQUIRE as the run was started with it. */
export async function requiredKinds(): Promise<readonly string[]> {
  return (await (await fetch(`${hub()}/required`)).json()) as string[]
}

function hub(): string {
  const url = inject('roomlogHub')
  if (!url)
    throw new Error('no test servers here: the vitest configuration lacks testkit/src/global-setup.ts')
  return url
}
