import { type RawBuilder, sql } from 'kysely'

/**
 * An array of ids, each of letters and digits, for a statement; written as one text: the driver writes an array element by
 * element, which is most of what a statement about thousands of them costs this process.
 */
export function idArray(ids: readonly string[]): RawBuilder<readonly string[]> {
  return sql`string_to_array(${ids.join()}, ',')`
}
