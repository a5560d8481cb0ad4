import { z } from 'zod'
import { readTexts } from '../operator/arguments.ts'

export const USAGE = `npm run restored -- [--yes]

After PostgreSQL was restored to an older state (from a backup, or to a point in time), and before persisters run on it:
gives the database a new epoch, by which every edge and every client learns that what they know of it is void, and on
Kafka moves the persisters back to where the restored database ends, so that they store again what the log has of the
time after it. What is stored already stays one message; to do it twice is no harm.

  --yes   do it; without, it is only told what would be done

Stop the persisters first; edges and the api may run, and their clients will start anew. Where persisters have run on
the restored state already, they have passed over what it lacks, and what they have stored stands where clients know
other messages: stop them and do it all the same. npm run audit finds what is missing, and -- --repair appends it again.
What was changed over REST since the restored state (accounts, rooms, members, removals) is lost, and so are messages to
rooms that are.

The servers come from the environment, as for npm run topics (ENGINE, DATABASE_URL, KAFKA_BROKERS, NAMESPACE, PARTITIONS
…), with the login that ran npm run migrate and no DATABASE_ROLE; where none is named, it is the embedded PostgreSQL in
the data folder of npm start, which is started for it.
Exit code 0: it is done. 1: without --yes, nothing was changed. 2: it could not be done, or not all of it: run it again.`

export const optionsSchema = z
  .object({ '--yes': z.string().optional() })
  .transform((given) => ({ isMeant: given['--yes'] !== undefined }))

export type Options = Readonly<z.infer<typeof optionsSchema>>

export const readArguments = (args: readonly string[]) => readTexts(args, { yes: 'boolean' })
