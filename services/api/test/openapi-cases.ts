import { ODD_KEYS, ODD_VALUE } from '@roomlog/testkit/odd-values'
import {
  type Arbitrary,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  record,
  string,
  stringMatching,
  tuple,
} from 'fast-check'
import { ODD_CONTENT_TYPES, ODD_HEADERS, ODD_JSON } from './odd-inputs.ts'
import { oddPath, oddQuery, type Parameter, wholePath, wholeQuery } from './openapi-targets.ts'
import { fitting, objectOf, type Schema, type World } from './openapi-values.ts'

type Content = Readonly<Record<string, { readonly schema: Schema }>>

export interface Operation {
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

/** A request as it goes over the wire. */
export interface Case {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** latin1: a body that is not UTF-8. */
  readonly encoding: 'utf8' | 'latin1'
  readonly hasToken: boolean
}

const PARTS = ['path', 'query', 'body', 'headers', 'token'] as const
type Part = (typeof PARTS)[number]

/** Requests of one documented operation: whole ones, and ones of which some part is odd. */
export function casesOf(method: string, path: string, operation: Operation, world: World): Arbitrary<Case> {
  const caseWith = (...odd: readonly Part[]) => caseArbitrary(method, path, operation, world, odd)
  return oneof(
    { weight: 8, arbitrary: caseWith() },
    { weight: 4, arbitrary: caseWith('body') },
    { weight: 3, arbitrary: caseWith('query') },
    { weight: 3, arbitrary: caseWith('path') },
    { weight: 2, arbitrary: caseWith('headers') },
    { weight: 2, arbitrary: caseWith('token') },
    { weight: 1, arbitrary: caseWith(...PARTS) },
  )
}

function caseArbitrary(
  method: string,
  path: string,
  { parameters = [], requestBody }: Operation,
  world: World,
  odd: readonly Part[],
): Arbitrary<Case> {
  const schema = requestBody?.content['application/json']?.schema
  const body = odd.includes('body') ? oddBody(schema, world) : wholeBody(schema, world)
  const methods =
    method === 'GET' ? oneof({ weight: 9, arbitrary: constant('GET') }, constant('HEAD')) : constant(method)
  return record({
    method: methods,
    path: odd.includes('path') ? oddPath(path, parameters, world) : wholePath(path, parameters, world),
    query: odd.includes('query') ? oddQuery(parameters, world) : wholeQuery(parameters, world),
    body,
    headers: odd.includes('headers') ? oddHeaders() : constant({}),
    token: odd.includes('token')
      ? option(constantFrom(...world.brokenTokens))
      : constantFrom(...world.tokens),
    hasToken: constant(!odd.includes('token')),
  }).map(({ path, query, body: { type, ...body }, headers, token, ...rest }) => ({
    ...rest,
    target: query === '' ? path : `${path}?${query}`,
    headers: {
      ...(token === null ? {} : { authorization: token }),
      ...(type === null ? {} : { 'content-type': type }),
      ...headers,
    },
    ...body,
  }))
}

function oddHeaders(): Arbitrary<Readonly<Record<string, string>>> {
  const headers = Object.entries(ODD_HEADERS).map(
    ([name, values]) => [name, constantFrom(...values)] as const,
  )
  return record<Record<string, string>>(Object.fromEntries(headers), { requiredKeys: [] })
}

interface Body {
  readonly type: string | null
  readonly body?: string
  readonly encoding: 'utf8' | 'latin1'
}

const NO_BODY: Body = { type: null, encoding: 'utf8' }

function jsonBody(value: unknown): Body {
  return { type: 'application/json', body: JSON.stringify(value), encoding: 'utf8' }
}

function wholeBody(schema: Schema | undefined, world: World): Arbitrary<Body> {
  return schema === undefined ? constant(NO_BODY) : fitting(schema, world).map(jsonBody)
}

function oddBody(schema: Schema | undefined, world: World): Arbitrary<Body> {
  const whole = objectOf(schema ?? {}, world)
  const oddType = oneof(
    constantFrom(...ODD_CONTENT_TYPES),
    // Anything that a header can hold.
    stringMatching(/^[\x21-\x7e]{1,20}$/),
  )
  const names = Object.keys(schema?.properties ?? {})
  const key = oneof(constantFrom(...names, 'extra'), constantFrom(...ODD_KEYS))
  const changed = tuple(whole, key, ODD_VALUE).map(([object, name, odd]) =>
    Object.fromEntries([...Object.entries(object), [name, odd]]),
  )
  const lacking = tuple(whole, key).map(([object, name]) =>
    Object.fromEntries(Object.entries(object).filter(([other]) => other !== name)),
  )
  const text = oneof(
    { weight: 2, arbitrary: constantFrom(...ODD_JSON) },
    tuple(whole, integer({ min: 1, max: 20 })).map(([object, n]) => JSON.stringify(object).slice(0, -n)),
    // Each key twice.
    tuple(whole, changed)
      .map((two) => two.map((o) => JSON.stringify(o).slice(1, -1)).join(','))
      .map((s) => `{${s}}`),
    string({ unit: 'binary' }),
  )
  return oneof(
    { weight: 5, arbitrary: changed.map(jsonBody) },
    { weight: 2, arbitrary: lacking.map(jsonBody) },
    { weight: 1, arbitrary: ODD_VALUE.map(jsonBody) },
    {
      weight: 2,
      arbitrary: text.map((body) => ({ type: 'application/json', body, encoding: 'utf8' as const })),
    },
    { weight: 2, arbitrary: tuple(whole, oddType).map(([object, type]) => ({ ...jsonBody(object), type })) },
    {
      weight: 1,
      arbitrary: whole.map((object) => ({
        ...jsonBody({ ...object, [names[0] ?? 'x']: '\xff\xc0\xaf' }),
        encoding: 'latin1' as const,
      })),
    },
    { weight: 1, arbitrary: constantFrom(NO_BODY, { ...NO_BODY, type: 'application/json' }) },
  )
}
