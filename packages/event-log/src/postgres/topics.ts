import type { Database } from '@roomlog/db'
import { namespaced, TOPICS } from '@roomlog/events'
import { sql } from 'kysely'
import { topicProblem } from '../errors.ts'
import { schemaProblem } from './schema-problem.ts'

export interface PostgresTopicSettings {
  readonly namespace: string
  readonly partitions: number
}

/** Makes the topics that are missing and adds their names to `created`; safe to repeat and to race. */
export async function createPostgresTopics(
  db: Database['db'],
  { namespace, partitions }: PostgresTopicSettings,
  created: Set<string>,
): Promise<void> {
  for (const { name } of Object.values(TOPICS)) {
    const topic = namespaced(namespace, name)
    const inserted = await sql`
      INSERT INTO engine.log_heads (topic, partition)
      SELECT ${topic}, partition FROM generate_series(0, ${partitions}::int - 1) AS partition
      WHERE NOT EXISTS (SELECT FROM engine.log_heads WHERE topic = ${topic})
      ON CONFLICT DO NOTHING`
      .execute(db)
      .catch(schemaProblem)
    if ((inserted.numAffectedRows ?? 0n) > 0n) created.add(topic)
    const { count } = await db
      .selectFrom('engine.log_heads')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('topic', '=', topic)
      .executeTakeFirstOrThrow()
    const problem = topicProblem(topic, count, partitions)
    if (problem !== undefined) throw problem
  }
}
