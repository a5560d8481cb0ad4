import { type Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { ERROR_STATUS, errorSchema } from '@roomlog/protocol'
import { expect } from 'vitest'
import { z } from 'zod'
import type { Case, Operation } from './openapi-cases.ts'
import type { Schema } from './openapi-values.ts'
import { ask, configFor, startApi } from './support.ts'

/** By path and method, as the documents have them. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/** What the api serves. */
export async function documentedPaths(): Promise<Paths> {
  // Tests are named before there is a database; nothing is asked of it.
  const app = await startApi(configFor('postgres://127.0.0.1:9/none'))
  const { body } = await ask(app, 'GET /openapi.json')
  await app.close()
  return body.paths
}

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

const ANSWER_TIMEOUT_MS = 6_000

/** Over a socket: the path, the headers and the body arrive as they are. */
export function send(
  origin: string,
  agent: Agent,
  { method, target, headers, body, encoding }: Case,
): Promise<WireAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>()
  const { hostname, port } = new URL(origin)
  // Node's client gives no length to what is sent with GET: it would be read as the next request.
  const length =
    body === undefined || 'transfer-encoding' in headers
      ? {}
      : { 'content-length': Buffer.byteLength(body, encoding) }
  const asked = request({
    method,
    // Node does not answer what it cannot parse behind an upgrade that was ignored, until the time for headers is over.
    agent: 'upgrade' in headers ? false : agent,
    hostname,
    port,
    path: target,
    headers: { ...headers, ...length },
    timeout: ANSWER_TIMEOUT_MS,
  })
  asked.on('response', (got) => {
    const { statusCode: status = 0, headers } = got
    text(got).then((body) => resolve({ status, headers, body }), reject)
  })
  asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)))
  asked.on('error', reject)
  asked.end(body, encoding)
  return promise
}

/** Where an answer can come from that no operation gives: no such path, no such method, or not yet a request. */
const OUTSIDE = [400, 404, 405, 408, 431]

/** Whatever is asked, an answer is one that the documents tell of. Throws. */
export function judge(paths: Paths, asked: Case, answer: WireAnswer): void {
  expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  // There the page is, or why there is none; a target of * is taken for it.
  if (['/', '*'].includes(pathOf(asked.target)) && ['GET', 'HEAD'].includes(asked.method)) return
  const operation = reached(paths, asked)
  const documented = Object.keys(operation?.responses ?? {}).map(Number)
  const expected = operation === undefined ? OUTSIDE : documented
  // GET need not have a HEAD beside it.
  expect(asked.method === 'HEAD' ? [...expected, 405] : expected).toContain(answer.status)
  // 503 is for dependencies that are away, and for more logins than it can hash.
  expect(answer.status).toBeLessThan(500)
  if (answer.status >= 400) judgeRefusal(answer, asked)
  else expect(answer.status).toBeLessThan(300)
  if (asked.method === 'HEAD') expect(answer.body).toBe('')
  else if (operation !== undefined) judgeBody(operation, answer)
  if (answer.status < 300 && operation !== undefined) judgeSuccess(operation, asked)
}

/**
 * What no refusal tells: stacks, paths, SQL, and what the server is made of. Other answers hold people's own words, in
 * places that their schemas know.
 */
const INNER =
  /\n\s+at |node_modules|file:\/\/|\/(?:work|home|root|usr)\/|\.ts:\d|FST_|ERR_[A-Z]|(?:Syntax|Type|Range|Zod)Error|chat\.\w|relation "|select .* from|insert into|violates|pg_/i

function judgeRefusal({ status, headers, body }: WireAnswer, { method }: Case): void {
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  expect(body).not.toMatch(INNER)
  if (method === 'HEAD') return
  const { error } = z
    .strictObject({ error: z.strictObject(errorSchema.shape.error.shape) })
    .parse(JSON.parse(body))
  expect(ERROR_STATUS[error.code]).toBe(status)
  expect(error.requestId).toBe(headers['x-request-id'])
}

/** The schemas are written for clients; a body that one forbids is a body a client cannot read. */
function judgeBody({ responses }: Operation, { status, headers, body }: WireAnswer): void {
  const content = responses[status]?.content
  if (content === undefined) {
    expect(body).toBe('')
    return
  }
  const type = String(headers['content-type']).split(';', 1)[0] ?? ''
  expect(Object.keys(content)).toContain(type)
  const schema = checked(content[type]?.schema ?? {})
  if (type === 'application/json') schema.parse(JSON.parse(body))
  else if (type === 'text/plain') schema.parse(body)
  else for (const line of body.split('\n').slice(0, -1)) schema.parse(JSON.parse(line))
}

/** What does not fit its own documented schema, or lacks the token that is asked for, must not succeed. */
function judgeSuccess({ security, parameters = [], requestBody }: Operation, asked: Case): void {
  if (security !== undefined) expect(asked.hasToken).toBe(true)
  const schema = requestBody?.content['application/json']?.schema
  if (schema !== undefined) checked(schema).parse(JSON.parse(asked.body ?? ''))
  const query = parameters.filter((parameter) => parameter.in === 'query')
  if (query.length === 0 || !isDecodable(asked.target)) return
  const given = [...new URLSearchParams(queryOf(asked.target))].filter(([name]) => name !== '')
  expect(query.map(({ name }) => name)).toEqual(expect.arrayContaining(given.map(([name]) => name)))
  expect(new Set(given.map(([name]) => name)).size).toBe(given.length)
  const values = new Map(given)
  for (const { name, required, schema } of query) {
    if (required === true || values.has(name)) checked(schema).parse(values.get(name))
  }
}

const schemas = new WeakMap<Schema, z.ZodType>()
function checked(schema: Schema): z.ZodType {
  const made = schemas.get(schema) ?? z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
  schemas.set(schema, made)
  return made
}

function pathOf(target: string): string {
  return target.split(/[?#]/, 1)[0] ?? ''
}

function queryOf(target: string): string {
  const [before = ''] = target.split('#', 1)
  return before.includes('?') ? before.slice(before.indexOf('?') + 1) : ''
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** The operation that a request gets to, by the documents alone. */
export function reached(
  paths: Paths,
  { method, target }: Pick<Case, 'method' | 'target'>,
): Operation | undefined {
  const path = pathOf(target)
  if (!isDecodable(path)) return undefined
  const segments = decodeURI(path).split('/')
  const fitting = Object.keys(paths).filter((template) => {
    const parts = template.split('/')
    return (
      parts.length === segments.length &&
      parts.every((part, i) => part.startsWith('{') || part === segments[i])
    )
  })
  // A path of its own comes before a pattern, method by method.
  const [first] = fitting
    .toSorted((a, b) => a.split('{').length - b.split('{').length)
    .flatMap((template) => paths[template]?.[method === 'HEAD' ? 'get' : method.toLowerCase()] ?? [])
  return first
}
