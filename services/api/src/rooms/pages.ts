/** A page of a list that is asked for. */
export interface PageAsked {
  /** Where the page before ended: its `nextCursor`. */
  readonly cursor?: string | undefined
  readonly limit: number
}

/** The page that these rows begin with, of which the query has asked for one more than it holds, and the next one's cursor. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (last: Row) => string,
): { readonly page: Row[]; readonly nextCursor: string | null } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { page, nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null }
}
