import {
  type Arbitrary,
  array,
  boolean,
  constant,
  constantFrom,
  integer,
  jsonValue,
  oneof,
  record,
  string,
  stringMatching,
} from 'fast-check'

/** As much of JSON Schema as the documents use. */
export interface Schema {
  readonly type?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

/** What exists, so that requests get beyond the first check. */
export interface World {
  /** By the name of a field or parameter. */
  readonly known: Readonly<Record<string, readonly unknown[]>>
  readonly tokens: readonly string[]
  readonly brokenTokens: readonly string[]
}

/** One that fits the schema; mostly, where there is one of that name, one that exists. */
export function fitting(schema: Schema, world: World, name = ''): Arbitrary<unknown> {
  const known = world.known[name]
  const fresh = bySchema(schema, world)
  return known === undefined ? fresh : oneof({ weight: 9, arbitrary: constantFrom(...known) }, fresh)
}

function bySchema(schema: Schema, world: World): Arbitrary<unknown> {
  const { type, pattern, minLength = 0, maxLength = 64, minimum: min = 0, maximum: max = 1000 } = schema
  if (schema.const !== undefined) return constant(schema.const)
  if (schema.enum !== undefined) return constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return oneof(...choices.map((choice) => fitting(choice, world)))
  if (type === 'string' && pattern !== undefined) return stringMatching(new RegExp(pattern))
  if (type === 'string') return string({ minLength, maxLength, unit: 'binary' })
  if (type === 'integer' || type === 'number') return integer({ min, max })
  if (type === 'boolean') return boolean()
  if (type === 'null') return constant(null)
  if (type === 'array') return array(fitting(schema.items ?? {}, world), { maxLength: 5 })
  return type === 'object' ? objectOf(schema, world) : jsonValue()
}

export function objectOf(
  { properties = {}, required = [] }: Schema,
  world: World,
): Arbitrary<Record<string, unknown>> {
  const values = Object.entries(properties).map(
    ([name, value]) => [name, fitting(value, world, name)] as const,
  )
  return record(Object.fromEntries(values), { requiredKeys: [...required] })
}
