import { beforeAll, describe, test } from 'vitest'
import { containerHost } from './containers.ts'
import { findServer, recordSuite, requiredKinds } from './hub-client.ts'
import type { DependencyKind, Requirable } from './kinds.ts'

/**
 * A `describe` that runs on real servers. Where one of `kinds` cannot be had the suite is skipped with the reason in
 * its title and in the run's closing summary; a kind named in TEST_REQUIRE fails it instead. `body` may call
 * `postgres()`, `kafka()`, `redis()` for those kinds in its hooks and tests.
 */
export function suiteOn(kinds: readonly DependencyKind[], name: string, body: () => void): void {
  suiteUnlessMissing(name, kinds, () => findMissing(kinds), body)
}

/** The same for a suite that runs images of its own: where no container engine answers it is skipped. */
export function suiteInContainers(name: string, body: () => void): void {
  suiteUnlessMissing(name, ['containers'], findMissingEngine, body)
}

/** The same with another way to find out what is missing. */
export function suiteUnlessMissing(
  name: string,
  kinds: readonly Requirable[],
  findMissing: () => Promise<readonly { readonly kind: Requirable; readonly reason: string }[]>,
  body: () => void,
): void {
  describe(name, async () => {
    const missing = await findMissing()
    if (missing.length === 0) {
      // In a hook, so that a suite filtered out by name is not counted as run.
      beforeAll(() => recordSuite({ name, kinds }))
      body()
      return
    }
    const reason = missing.map(({ kind, reason }) => `${kind}: ${reason}`).join('; ')
    await recordSuite({ name, kinds, skipped: reason })
    const required = await requiredKinds()
    if (missing.some(({ kind }) => required.includes(kind))) {
      test('has the servers that TEST_REQUIRE names', () => {
        throw new Error(reason)
      })
      return
    }
    describe.skip(`skipped, no ${reason}`, body)
  })
}

/** Those of `kinds` that cannot be had, with the reason. */
export async function findMissing(kinds: readonly DependencyKind[]) {
  const found = await Promise.all(kinds.map(async (kind) => ({ kind, ...(await findServer(kind)) })))
  return found.filter((server) => !server.available)
}

async function findMissingEngine() {
  const kind = 'containers' as const
  if (process.env.TEST_CONTAINERS === '0')
    return [{ kind, reason: 'they are switched off by TEST_CONTAINERS=0' }]
  return containerHost().then(
    () => [],
    (error: Error) => [{ kind, reason: error.message }],
  )
}
