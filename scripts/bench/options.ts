import { parseArgs } from 'node:util'
import type { EngineName } from '../chaos/stack.ts'
import type { Demand } from './model/plan.ts'

export interface BenchOptions {
  /** Undefined: all. */
  readonly only: ReadonlySet<string> | undefined
  readonly engine: EngineName
  readonly json: boolean
  readonly rounds: number
  readonly pictures: boolean
  /** Measures nothing, and reckons with what was measured. */
  readonly model: Partial<Demand> | undefined
}

export const USAGE = `npm run bench -- [--only A1,A3] [--engine embedded|full] [--rounds N] [--pictures] [--json]
npm run bench -- --model [--users N] [--messages N] [--fan-out N]

  --only      these rows of the table alone
  --engine    of the Roomlog that is measured as a whole, default embedded; full is Kafka and Redis
  --rounds    how often each thing is measured, default 5
  --pictures  draw the curves, into scripts/bench/pictures
  --json      one line of JSON for each row instead of the table
  --model     how many edges, persisters, partitions, brokers and cores of PostgreSQL it takes for so many users,
              messages a second, and sockets that each goes to; default: from 1,000 to 10 million users`

/** Throws an error whose text says what is wrong. */
export function parseOptions(args: readonly string[], known: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      engine: { type: 'string', default: 'embedded' },
      rounds: { type: 'string', default: '5' },
      model: { type: 'boolean', default: false },
      users: { type: 'string' },
      messages: { type: 'string' },
      'fan-out': { type: 'string' },
      pictures: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',')
  const unknown = only?.filter((id) => !known.includes(id)) ?? []
  if (unknown.length > 0) throw new Error(`no row ${unknown.join()}; there are ${known.join()}`)
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on')
  const { engine } = values
  if (engine !== 'embedded' && engine !== 'full') throw new Error('--engine takes embedded or full')
  return {
    only: only && new Set(only),
    engine,
    json: values.json,
    rounds,
    pictures: values.pictures,
    model: values.model ? demandOf(values) : undefined,
  }
}

function demandOf(values: {
  readonly users?: string
  readonly messages?: string
  readonly 'fan-out'?: string
}): Partial<Demand> {
  const number = (name: keyof typeof values) => {
    const value = Number(values[name])
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number`)
    return value
  }
  return {
    ...(values.users === undefined ? {} : { users: number('users') }),
    ...(values.messages === undefined ? {} : { messagesPerSecond: number('messages') }),
    ...(values['fan-out'] === undefined ? {} : { fanOut: number('fan-out') }),
  }
}
