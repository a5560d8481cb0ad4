import type { DependencyKind } from '../src/kinds.ts'
import { suiteUnlessMissing } from '../src/suite-on.ts'

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
  const findMissing = () =>
    probe().then(
      () => [],
      (error: unknown) => [{ kind, reason: error instanceof Error ? error.message : String(error) }],
    )
  suiteUnlessMissing(name, [], findMissing, body)
}
