import { z } from 'zod'
import { readTexts } from '../operator/arguments.ts'

export const USAGE = `npm run retention -- [--older-than <days>d] [--yes]

Removes for good what is kept for its time only: the bodies of messages that are older than so many days, and sessions
that ended 30 days ago, with their refresh tokens. Run it daily.

  --older-than 365d   of messages; at least 31d: dead letters are kept for 30, and may still be replayed.
                      Without it no message is touched
  --yes               do it; without, it is only counted

Of such a message its row stays, with an empty body, which no message has that is sent: so the room is 1, 2, 3 … without a
hole as ever, every cursor, resume and count of unread ones is as it was, and a repeat is still known for one (it is
refused as client_msg_id_reused, for its body can no longer be compared). An edge may tell the last messages of a room
that is open there from its memory, until its sockets have left; a backup has what it has. A refresh token of a session
that is removed is one that was never issued.

The servers come from the environment, as for npm run topics (ENGINE, DATABASE_URL, KAFKA_BROKERS, NAMESPACE …), with the
login that ran npm run migrate and no DATABASE_ROLE: no service may change a message. Where none is named, it is the
Roomlog that npm start has started from this folder. It may run beside everything, and be broken off and run again.
Exit code 0: nothing is left to remove. 1: without --yes, there is something. 2: it could not be done.`

const DAY_MS = 86_400_000
const MIN_DAYS = 31

const days = z
  .string()
  .regex(/^[0-9]{1,5}d$/, 'must be a number of days, as in 365d')
  .transform((text) => Number(text.slice(0, -1)))
  .refine((count) => count >= MIN_DAYS, `must be at least ${MIN_DAYS}d`)

export const optionsSchema = z
  .object({ '--older-than': days.optional(), '--yes': z.string().optional() })
  .transform((given) => {
    const olderThanDays = given['--older-than']
    return {
      olderThanMs: olderThanDays === undefined ? undefined : olderThanDays * DAY_MS,
      isMeant: given['--yes'] !== undefined,
    }
  })

export type Options = Readonly<z.infer<typeof optionsSchema>>

export const readArguments = (args: readonly string[]) =>
  readTexts(args, { 'older-than': 'string', yes: 'boolean' })
