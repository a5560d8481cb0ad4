import type { Tables } from '@roomlog/db'
import { type PublicRoom, type PublicRoomsPosition, publicRoomsCursor } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { pageOf } from './pages.ts'

export interface PublicRoomsAsked {
  /** How names begin, in any case. */
  readonly search: string
  /** Where the page before ended. */
  readonly cursor?: PublicRoomsPosition | undefined
  readonly limit: number
}

/** Public rooms that somebody is in, by name and id, and the cursor of the next page. */
export async function publicRooms(
  db: Kysely<Tables>,
  asked: PublicRoomsAsked,
): Promise<{ rooms: PublicRoom[]; nextCursor: string | null }> {
  const { rows } = await publicRoomsQuery(asked).execute(db)
  const { page, nextCursor } = pageOf(rows, asked.limit, publicRoomsCursor)
  return { rooms: page, nextCursor }
}

/** Asks for one more than the page holds. */
export function publicRoomsQuery({ search, cursor, limit }: PublicRoomsAsked): RawBuilder<PublicRoom> {
  const { id, name } = cursor ?? { id: '', name: '' }
  return sql<PublicRoom>`
    SELECT id, name, member_count AS "memberCount" FROM chat.rooms
    WHERE visibility = 'public' AND member_count > 0
      AND folded_name LIKE lower(${escaped(search)}::text) || '%'
      AND (folded_name, id) > (lower(${name}::text), ${id}::text)
    ORDER BY folded_name, id LIMIT ${limit + 1}`
}

/** What LIKE would take for a pattern stands for itself. */
function escaped(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}
