/**
 * Measures each of several things once in every round, by turns and in changing order, so that a machine whose speed
 * drifts drifts for all of them; after a round that warms up and does not count. Answers what came of each, by round.
 */
export async function inRounds<Name extends string>(
  rounds: number,
  measures: Readonly<Record<Name, () => Promise<number>>>,
  say: (what: string) => void,
): Promise<Record<Name, readonly number[]>> {
  const names = Object.keys(measures) as Name[]
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const value = await measures[name]()
      if (round > 0) results[name].push(value)
      say(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${name} ${value.toPrecision(3)}`)
    }
  }
  return results
}
