import type { DependencyKind, Found, Requirable } from './kinds.ts'

/** A suite that ran on `kinds`, or was `skipped` for this reason. */
export type SuiteRecord = {
  readonly name: string
  readonly kinds: readonly Requirable[]
  readonly skipped?: string
}

/** The lines that close a run: suites by real server, then what was skipped and why. Empty if no suite needed one. */
export function summarise(
  suites: readonly SuiteRecord[],
  servers: ReadonlyMap<DependencyKind, Found>,
): readonly string[] {
  if (suites.length === 0) return []
  const ran = suites.filter((suite) => suite.skipped === undefined)
  const skipped = suites.filter((suite) => suite.skipped !== undefined)
  const inContainers = ran.filter((suite) => suite.kinds.includes('containers')).length
  return [
    `Real dependencies: ${count(ran.length)} ran, ${count(skipped.length)} skipped`,
    ...[...servers].map(([kind, found]) => {
      const on = ran.filter((suite) => suite.kinds.includes(kind)).length
      return `  ${kind.padEnd(9)} ${count(on)} on ${found.available ? `${found.what} (${found.how})` : 'none'}`
    }),
    ...(inContainers === 0 ? [] : [`  images    ${count(inContainers)} on the container engine`]),
    ...skipped.map((suite) => `  skipped   ${suite.name}: ${suite.skipped}`),
  ]
}

function count(suites: number): string {
  return `${suites} ${suites === 1 ? 'suite' : 'suites'}`
}
