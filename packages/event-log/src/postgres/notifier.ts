import type { Database } from '@roomlog/db'
import { sql } from 'kysely'

export const APPENDED_CHANNEL = 'roomlog_appended'
export const GROUP_CHANNEL = 'roomlog_group'

export interface Notifier {
  appended(topic: string, partition: number): void
  groupChanged(group: string): void
}

/**
 * NOTIFY in statements of their own, never inside an appending transaction, where it would serialise all commits of the
 * server. One at a time: what is notified meanwhile goes with the next. Readers poll as well, so a lost one does no harm.
 */
export function createNotifier(db: Database['db']): Notifier {
  const waiting = new Map<string, { readonly channel: string; readonly payload: string }>()
  let sending = false

  const pump = async () => {
    if (sending) return
    sending = true
    while (waiting.size > 0) {
      const batch = [...waiting.values()]
      waiting.clear()
      await notify(db, batch).catch(() => {})
    }
    sending = false
  }
  const add = (channel: string, payload: string) => {
    waiting.set(`${channel} ${payload}`, { channel, payload })
    void pump()
  }
  return {
    appended: (topic, partition) => add(APPENDED_CHANNEL, `${topic}:${partition}`),
    groupChanged: (group) => add(GROUP_CHANNEL, group),
  }
}

async function notify(
  db: Database['db'],
  batch: readonly { readonly channel: string; readonly payload: string }[],
): Promise<void> {
  // For this transaction only: it writes nothing, so it need not wait for the disk.
  await sql`
    SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, payload)
    FROM unnest(${batch.map(({ channel }) => channel)}::text[], ${batch.map(({ payload }) => payload)}::text[])
      AS n (channel, payload)`.execute(db)
}
