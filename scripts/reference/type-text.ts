/** What of JSON Schema the schemas of the wire use. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
}

const ULID = /^\^\[0-7\]\[0-9A-HJKMNP-TV-Z\]\{25\}\$$/i

/** A schema in a line, in the manner of TypeScript, with its bounds behind it. */
export function typeText(schema: JsonSchema): string {
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives !== undefined) return [...new Set(alternatives.map(typeText))].join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.properties !== undefined) return `{ ${fieldsText(schema)} }`
  if (schema.type === 'array') return `${arrayText(schema)}${range(schema.minItems, schema.maxItems)}`
  if (schema.type === 'string') return stringText(schema)
  if (schema.type === 'integer' || schema.type === 'number')
    return `${schema.type}${range(schema.minimum, schema.maximum)}`
  if (typeof schema.additionalProperties === 'object')
    return `{ [name]: ${typeText(schema.additionalProperties)} }`
  return [schema.type ?? 'anything'].flat().join(' | ')
}

function fieldsText({ properties = {}, required = [] }: JsonSchema): string {
  return Object.entries(properties)
    .map(([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(schema)}`)
    .join(', ')
}

function arrayText({ items = {} }: JsonSchema): string {
  const text = typeText(items)
  return text.includes(' | ') && !text.startsWith('{') ? `(${text})[]` : `${text}[]`
}

function stringText({ pattern, format, minLength, maxLength }: JsonSchema): string {
  if (pattern !== undefined && ULID.test(pattern)) return 'ulid'
  if (format === 'date-time') return 'time'
  if (pattern !== undefined) return `string /${pattern}/`
  return `${format ?? 'string'}${range(minLength, maxLength)}`
}

function range(from: number | undefined, to: number | undefined): string {
  const isFrom = from !== undefined && from > Number.MIN_SAFE_INTEGER
  const isTo = to !== undefined && to < Number.MAX_SAFE_INTEGER
  if (!isFrom && !isTo) return ''
  return ` ${isFrom ? from : ''}..${isTo ? to : ''}`
}
