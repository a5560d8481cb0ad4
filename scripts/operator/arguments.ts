import { parseArgs } from 'node:util'
import { UsageError } from './failure.ts'

/**
 * The texts of the arguments by their names with the dashes, `true` for one without a value; undefined: help is asked for.
 * `types` has the names without the dashes. Throws `UsageError`.
 */
export function readTexts(
  args: readonly string[],
  types: Readonly<Record<string, 'boolean' | 'string'>>,
): Readonly<Record<string, string | undefined>> | undefined {
  const options = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }]))
  try {
    const help = { type: 'boolean', short: 'h' } as const
    const { values } = parseArgs({ args: [...args], options: { ...options, help } })
    if (values.help === true) return undefined
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [`--${name}`, String(value)]))
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
