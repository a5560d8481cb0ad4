import { newId } from '@roomlog/protocol'
import argon2 from 'argon2'
import type { FastifyInstance } from 'fastify'
import { deleteAccount } from '../src/accounts/delete-account.ts'
import { endSessionOf } from '../src/accounts/ended-sessions.ts'
import { startSession } from '../src/accounts/sessions.ts'
import { ASKERS, type Asker, type Known, type Place } from './access-table.ts'
import { ask, newRoom, PASSWORD, type Person, say, type TestDatabase } from './support.ts'

/** In the private room's name and message. */
export const CANARY = 'canary-of-a-private-room'
const TTL_S = 1000

interface Account extends Person {
  readonly refreshToken: string
}

export interface AccessWorld {
  readonly rooms: Readonly<Record<Place, Pick<Known, 'roomId' | 'messageId'>>>
  readonly people: Readonly<Record<Asker, Account>>
  /** A member of both rooms. */
  readonly userId: string
}

/** Makes worlds: two rooms, a private one and a public one, with what each asker is of them. */
export async function accessWorlds(
  app: FastifyInstance,
  database: TestDatabase,
): Promise<() => Promise<AccessWorld>> {
  const { db } = database.admin
  const password_hash = await argon2.hash(PASSWORD)

  async function newAccount(): Promise<Account> {
    const id = newId()
    const username = `u_${id.toLowerCase()}`
    const row = { id, username, display_name: username, password_hash }
    await db.insertInto('chat.users').values(row).execute()
    const { sessionId, refreshToken } = await startSession(db, id, TTL_S)
    const token = app.mintToken({ userId: id, sessionId, tokenId: newId() })
    return { id, username, token, refreshToken }
  }

  async function newRoomOf(
    owner: Account,
    visibility: 'public' | 'private',
    members: readonly Account[],
    coOwner: Account,
  ) {
    const name = visibility === 'private' ? CANARY : 'open'
    const roomId = await newRoom(app, owner, { visibility, name })
    const rows = [coOwner, ...members].map((it) => {
      const role = it === coOwner ? ('owner' as const) : ('member' as const)
      return { room_id: roomId, user_id: it.id, role }
    })
    await db.insertInto('chat.room_members').values(rows).execute()
    const member_count = rows.length + 1
    await db.updateTable('chat.rooms').set({ member_count }).where('id', '=', roomId).execute()
    const [messageId = ''] = await say(database, roomId, owner.id, [`said in ${name}`])
    return { roomId, messageId }
  }

  return async () => {
    const made = await Promise.all(ASKERS.map(async (asker) => [asker, await newAccount()] as const))
    const people = Object.fromEntries(made) as Record<Asker, Account>
    const [target, coOwner] = [await newAccount(), await newAccount()]
    const { owner, member, removed, left, deleted, loggedOut } = people
    const members = [member, removed, left, deleted, loggedOut, target]
    const open = await newRoomOf(owner, 'public', members, coOwner)
    const closed = await newRoomOf(owner, 'private', members, coOwner)
    for (const { roomId } of [open, closed]) {
      await ask(app, `DELETE /rooms/${roomId}/members/${removed.id}`, { as: owner })
      await ask(app, `DELETE /rooms/${roomId}/members/me`, { as: left })
    }
    await db.transaction().execute((trx) => deleteAccount(trx, deleted.id))
    await endSessionOf(db, loggedOut.refreshToken)
    const absent = { roomId: newId(), messageId: closed.messageId }
    return { rooms: { public: open, private: closed, absent }, people, userId: target.id }
  }
}

export function knownTo(asker: Asker, place: Place, { rooms, people, userId }: AccessWorld): Known {
  const { username } = people.stranger
  return { ...rooms[place], userId, username, refreshToken: people[asker].refreshToken }
}
