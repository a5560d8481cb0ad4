import { failureKind, sqlState } from '@roomlog/db'
import type { Candidate, Verdict } from './verdict.ts'

/** Stores all of them, or throws having stored none of them. */
export type Store = (candidates: readonly Candidate[]) => Promise<readonly Verdict[]>

/**
 * Stores what can be stored, in order, around the records that the database refuses for their values: those become dead.
 * Halves are stored left before right, so each room keeps its order. Other errors pass.
 */
export async function storeAround(
  store: Store,
  candidates: readonly Candidate[],
): Promise<readonly Verdict[]> {
  try {
    return await store(candidates)
  } catch (error) {
    if (failureKind(error) !== 'data') throw error
    const [only] = candidates
    if (only !== undefined && candidates.length === 1) return [unstorable(only, error)]
    const middle = candidates.length >> 1
    const left = await storeAround(store, candidates.slice(0, middle))
    return [...left, ...(await storeAround(store, candidates.slice(middle)))]
  }
}

function unstorable({ record, event }: Candidate, error: unknown): Verdict {
  const detail = `SQLSTATE ${sqlState(error)}`
  return { kind: 'dead', record, reason: 'unstorable', detail, code: 'validation_failed', address: event }
}
