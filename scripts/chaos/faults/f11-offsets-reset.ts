import { broadcastGroup, PERSISTER_GROUP, TOPICS } from '@roomlog/events'
import { sql } from 'kysely'
import { withDatabase } from '../database.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Stack } from '../stack.ts'

export const offsetsReset: Fault = {
  id: 'F11',
  title: 'consumer offsets reset to the beginning',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack } = nemesis
    await nemesis.act('persisters', 'offsets reset', async () => {
      for (const name of stack.persisters) await stack.stop(name)
      await reset(stack, PERSISTER_GROUP, TOPICS.created.name)
      for (const name of stack.persisters) stack.start(name)
      await stack.ready()
    })
    await nemesis.sleep(3_000)
    const edge = nemesis.random.pick(stack.edges)
    await nemesis.act(edge, 'offsets reset', async () => {
      await stack.stop(edge)
      await reset(stack, broadcastGroup(stack.edgeIdOf(edge)), TOPICS.persisted.name)
      stack.start(edge)
      await stack.ready()
    })
  },
}

async function reset({ servers }: Stack, group: string, topic: string): Promise<void> {
  if (servers.kafka !== undefined) return servers.kafka.resetGroup(group, topic)
  await withDatabase(servers.postgres.url, (db) =>
    sql`
      UPDATE engine.log_cursors c SET next_offset = (
        SELECT coalesce(min(r."offset"), c.next_offset) FROM engine.log_records r
        WHERE r.topic = c.topic AND r.partition = c.partition)
      WHERE c."group" = ${group} AND c.topic = ${topic}`.execute(db),
  )
}
