import { urlOf } from '@roomlog/service-kit'
import { z } from 'zod'
import { readTexts } from '../operator/arguments.ts'

export const USAGE = `npm run to-full -- [--from <data folder or postgres://…>]

Takes everything that a Roomlog on the embedded engine has to new servers of the full one: accounts, sessions, rooms,
members, removals, messages, read positions; what was accepted and is not stored yet, and waiting dead letters, go into
Kafka. Ids, seqs and the epoch stay, so clients go on from where they were. The source is only read; what arrived is
compared with it, table by table. Until the end nothing is in the new database: a run that was interrupted is run again.

  --from <…>   the data folder of npm start (default: .roomlog, or ROOMLOG_DATA), whose PostgreSQL is started for it; or
               the URL of the database, where ENGINE=embedded used one of yours

Stop the services first, and start only those of the new servers afterwards. The new servers come from the environment,
as for npm run topics (DATABASE_URL, KAFKA_BROKERS, NAMESPACE, PARTITIONS …), with the login that ran npm run migrate and
no DATABASE_ROLE; npm run migrate and npm run topics have been run on them, and nothing else was.
Exit code 0: it is all there. 2: it is not, and the new database is empty as before.`

export const optionsSchema = z
  .object({ '--from': z.string().min(1, 'must be a folder or a URL').optional() })
  .transform((given) => ({ from: given['--from'] }))

/** Anything else is a folder. */
export function isUrl(from: string): boolean {
  return urlOf('postgres:', 'postgresql:').safeParse(from).success
}

export const readArguments = (args: readonly string[]) => readTexts(args, { from: 'string' })
