import { parseArgs } from 'node:util'
import { integer } from '@roomlog/service-kit'
import { z } from 'zod'
import { UsageError } from '../operator/failure.ts'
import { type LetterPosition, positionFrom } from './letter.ts'

export const USAGE = `npm run dlq -- list | show <position> | replay --all | replay <position>... | dismiss --all

A position is partition:offset, as in 3:17. Dead letters are records that a persister cannot store: no build can read
them, the database refuses them for their values, or their room does not exist. They are kept for 30 days.

  list                    position, time, size, reason, where the record stood, room and sender
    --limit <count>       so many at most (50)
    --after <position>    those after this one
    --json                one JSON object instead
  show <position>         key, headers and bytes of one, as text or in hexadecimal
    --raw                 the bytes alone
  replay                  appends the original bytes again under their key; what is stored already stays one message
    --all                 all that wait; it remembers how far it came. What it leaves it names: that waits no longer,
                          and can be replayed by its position
    --dry-run             only says what it would do
    --force               also those that cannot be read; they come back unless a new build reads them
  dismiss --all           none waits any longer, none is replayed, and npm run audit is silent about them

The servers come from the environment, as for npm run topics (ENGINE, DATABASE_URL, DATABASE_ROLE, KAFKA_BROKERS,
NAMESPACE, PARTITIONS …); where none is named, it is the Roomlog that npm start has started from this folder.
Exit code 0: nothing waits, everything asked for is done. 1: some wait, or were left. 2: it could not be done.`

export type Command =
  | { readonly name: 'list'; readonly after: LetterPosition | undefined; readonly json: boolean }
  | { readonly name: 'show'; readonly position: LetterPosition; readonly isRaw: boolean }
  | {
      readonly name: 'replay'
      /** Undefined: all. */
      readonly positions: readonly LetterPosition[] | undefined
      readonly isDry: boolean
      readonly isForced: boolean
    }
  | { readonly name: 'dismiss' }

export const optionsSchema = z
  .object({ '--limit': integer(1, 10_000).default(50) })
  .transform((given) => ({ limit: given['--limit'] }))

export interface Arguments {
  readonly command: Command
  readonly given: Readonly<Record<string, string | undefined>>
}

const flag = { type: 'boolean', default: false } as const

/** Undefined: help is asked for. Throws `UsageError`. */
export function readArguments(args: readonly string[]): Arguments | undefined {
  const { values, positionals } = parsed(args)
  if (values.help) return undefined
  const [name, ...rest] = positionals
  const allowed: Readonly<Record<string, readonly string[]>> = {
    list: ['limit', 'after', 'json'],
    show: ['raw'],
    replay: ['all', 'dry-run', 'force'],
    dismiss: ['all'],
  }
  if (name === undefined || !Object.hasOwn(allowed, name))
    throw new UsageError('list, show, replay or dismiss?')
  const stray = Object.entries(values).find(([option, value]) => value && !allowed[name]?.includes(option))
  if (stray !== undefined) throw new UsageError(`--${stray[0]} does not go with ${name}`)
  return { command: commandOf(name, rest.map(positionFrom), values), given: { '--limit': values.limit } }
}

function commandOf(
  name: string,
  positions: readonly LetterPosition[],
  values: ReturnType<typeof parsed>['values'],
): Command {
  const [position] = positions
  if (name === 'list') {
    if (position !== undefined) throw new UsageError('list takes no position; show does, or list --after')
    return {
      name,
      after: values.after === undefined ? undefined : positionFrom(values.after),
      json: values.json,
    }
  }
  if (name === 'show') {
    if (position === undefined || positions.length > 1)
      throw new UsageError('show which one? As in: show 3:17')
    return { name, position, isRaw: values.raw }
  }
  if (name === 'dismiss') {
    if (!values.all || position !== undefined)
      throw new UsageError('only all of them can be dismissed: dismiss --all')
    return { name }
  }
  if (values.all === (position !== undefined))
    throw new UsageError('replay --all, or some by their positions?')
  return {
    name: 'replay',
    positions: values.all ? undefined : positions,
    isDry: values['dry-run'],
    isForced: values.force,
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        limit: { type: 'string' },
        after: { type: 'string' },
        json: flag,
        raw: flag,
        all: flag,
        'dry-run': flag,
        force: flag,
        help: { ...flag, short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
