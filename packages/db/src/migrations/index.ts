import type { Migration } from 'kysely/migration'
import * as chat from './0001-chat.ts'
import * as engine from './0002-engine.ts'
import * as roomLists from './0003-room-lists.ts'
import * as pastMembers from './0004-past-members.ts'

/** In order; a name, once released, never changes. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-chat': chat,
  '0002-engine': engine,
  '0003-room-lists': roomLists,
  '0004-past-members': pastMembers,
}
