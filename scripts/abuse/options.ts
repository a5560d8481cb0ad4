import { parseArgs } from 'node:util'
import type { EngineName } from '../chaos/stack.ts'

export interface AbuseOptions {
  /** Undefined: all. */
  readonly only: ReadonlySet<string> | undefined
  readonly engine: EngineName
  /** Of each attack; those that are slow take their own time where that is longer. */
  readonly seconds: number
  readonly json: boolean
}

export const USAGE = `npm run abuse -- [--only slow-headers,logins] [--engine embedded|full] [--seconds N] [--json]

  --only     these attacks alone
  --engine   of the Roomlog that is attacked, default embedded; full is Kafka and Redis
  --seconds  that each attack lasts, default 8
  --json     one line of JSON for each attack instead of the table`

/** Throws an error whose text says what is wrong. */
export function parseOptions(args: readonly string[], known: readonly string[]): AbuseOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      engine: { type: 'string', default: 'embedded' },
      seconds: { type: 'string', default: '8' },
      json: { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',')
  const unknown = only?.filter((id) => !known.includes(id)) ?? []
  if (unknown.length > 0) throw new Error(`no attack ${unknown.join()}; there are ${known.join()}`)
  const seconds = Number(values.seconds)
  if (!Number.isInteger(seconds) || seconds < 1) throw new Error('--seconds takes a whole number from 1 on')
  const { engine } = values
  if (engine !== 'embedded' && engine !== 'full') throw new Error('--engine takes embedded or full')
  return { only: only && new Set(only), engine, seconds, json: values.json }
}
