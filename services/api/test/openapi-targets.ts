import { ODD_LENGTH_TEXT, ODD_TEXT } from '@roomlog/testkit/odd-values'
import { type Arbitrary, constant, constantFrom, oneof, option, tuple } from 'fast-check'
import { ODD_PATHS, ODD_QUERIES, ODD_QUERY_NAMES, ODD_QUERY_VALUES, ODD_SEGMENTS } from './odd-inputs.ts'
import { fitting, type Schema, type World } from './openapi-values.ts'

export interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Schema
}

/** Everything encoded that can be; a lone surrogate has no encoding. */
function encoded(value: unknown): string {
  return encodeURIComponent(String(value).toWellFormed())
}

/** Encoded also where it need not be. */
function overEncoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

function pathOf(
  path: string,
  parameters: readonly Parameter[],
  segmentOf: (parameter: Parameter) => Arbitrary<string>,
) {
  const parts = path.split(/(\{[^}]+\})/).map((part) => {
    const parameter = parameters.find(({ name }) => part === `{${name}}`)
    return parameter === undefined ? constant(part) : segmentOf(parameter)
  })
  return tuple(...parts).map((all) => all.join(''))
}

export function wholePath(path: string, parameters: readonly Parameter[], world: World): Arbitrary<string> {
  return pathOf(path, parameters, ({ schema, name }) => fitting(schema, world, name).map(encoded))
}

export function oddPath(path: string, parameters: readonly Parameter[], world: World): Arbitrary<string> {
  const whole = wholePath(path, parameters, world)
  const odd = ({ schema, name }: Parameter) =>
    oneof(
      constantFrom(...ODD_SEGMENTS),
      ODD_TEXT.map(encoded),
      fitting(schema, world, name).map((value) => overEncoded(String(value))),
      fitting(schema, world, name).map(encoded),
    )
  return oneof(
    { weight: 6, arbitrary: pathOf(path, parameters, odd) },
    tuple(whole, constantFrom(...ODD_SEGMENTS)).map(([path, segment]) => `${path}/${segment}`),
    tuple(whole, constantFrom(...ODD_SEGMENTS)).map(([path, segment]) => `/${segment}${path}`),
    whole.map((path) => path.replace(/\w/, overEncoded)),
    whole.map((path) => path.toUpperCase()),
    constantFrom(...ODD_PATHS),
  )
}

type Pairs = readonly (readonly [name: string, value: string])[]

function wholePairs(parameters: readonly Parameter[], world: World): Arbitrary<Pairs> {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, required, schema }) => {
      const pair = fitting(schema, world, name).map((value) => [name, encoded(value)] as const)
      return required === true ? pair : option(pair, { nil: undefined, freq: 1 })
    })
  return tuple(...pairs).map((all) => all.filter((pair) => pair !== undefined))
}

function queryOf(pairs: Pairs): string {
  return pairs.map((pair) => pair.join('=')).join('&')
}

export function wholeQuery(parameters: readonly Parameter[], world: World): Arbitrary<string> {
  return wholePairs(parameters, world).map(queryOf)
}

export function oddQuery(parameters: readonly Parameter[], world: World): Arbitrary<string> {
  const names = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
  const name = oneof(
    { weight: 4, arbitrary: constantFrom(...names, 'extra') },
    constantFrom(...ODD_QUERY_NAMES),
  )
  const value = oneof(
    ODD_TEXT.map(encoded),
    ODD_LENGTH_TEXT.map((text) => encoded(text.slice(0, 4000))),
    constantFrom(...ODD_QUERY_VALUES),
  )
  const whole = wholePairs(parameters, world)
  return oneof(
    { weight: 3, arbitrary: tuple(whole, name, value).map(([pairs, ...odd]) => queryOf([...pairs, odd])) },
    {
      weight: 2,
      arbitrary: tuple(whole, name, value).map(([pairs, n, v]) =>
        queryOf([...pairs.filter(([o]) => o !== n), [n, v]]),
      ),
    },
    whole.map((pairs) => queryOf([...pairs, ...pairs])),
    constantFrom(...ODD_QUERIES),
  )
}
