import { beforeAll, describe, test } from 'vitest'
import { recordSuite, requiredKinds } from '../src/hub-client.ts'
import type { DependencyKind } from '../src/kinds.ts'

/**
 * A `describe` that starts servers of its own. Where `probe` throws it is skipped with that reason in its title and in
 * the run's closing summary, or fails if TEST_REQUIRE names the kind: see `suiteOn`.
 */
export function suiteOnNative(
  kind: DependencyKind,
  probe: () => Promise<unknown>,
  name: string,
  body: () => void,
): void {
  describe(name, async () => {
    const missing = await probe().then(
      () => undefined,
      (error: unknown) => `${kind}: ${error instanceof Error ? error.message : error}`,
    )
    if (missing === undefined) {
      beforeAll(() => recordSuite({ name, kinds: [] }))
      body()
      return
    }
    await recordSuite({ name, kinds: [], skipped: missing })
    if ((await requiredKinds()).includes(kind)) {
      test('has the server that TEST_REQUIRE names', () => {
        throw new Error(missing)
      })
      return
    }
    describe.skip(`skipped, no ${missing}`, body)
  })
}
