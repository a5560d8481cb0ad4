import { buildApp } from '@roomlog/api/app'
import { parseConfig } from '@roomlog/api/config'
import {
  ERROR_STATUS,
  limitsSchema,
  memberSchema,
  messageSchema,
  publicRoomSchema,
  roomSchema,
  sessionSchema,
  userSchema,
} from '@roomlog/protocol'
import { createLogger } from '@roomlog/service-kit'
import { z } from 'zod'
import { markdown } from '../markdown.ts'
import { makeKeys } from '../start/keys.ts'
import { type JsonSchema, typeText } from './type-text.ts'

interface Operation {
  readonly summary?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: JsonSchema
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>
}

/** Of which each may be part of those behind it. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Limits: limitsSchema,
  User: userSchema,
  Message: messageSchema,
  PublicRoom: publicRoomSchema,
  Room: roomSchema,
  Member: memberSchema,
  Session: sessionSchema,
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/** Every route of the api, and every code that an error can have. */
export async function rest(): Promise<string> {
  const routes = Object.entries(await documentedPaths()).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => routeText(method, path, operation)),
  )
  const shapes = shapesOf(SCHEMAS)
  const codes = Object.entries(ERROR_STATUS).map(([code, status]) => [String(status), `\`${code}\``])
  return [
    '## REST',
    '',
    'JSON both ways; unknown fields are refused. Where a route needs it, `Authorization: Bearer <access token>`. Every error is',
    '`{ error: { code, message, requestId, details? } }`; besides those named, any route can answer `validation_failed`,',
    '`request_timeout`, `headers_too_large`, `internal` and `unavailable`, and one that takes a body `too_large` and',
    '`unsupported_media_type`.',
    '',
    ...routes.map((text) => withNames(text, shapes)),
    '### Shapes',
    '',
    ...shapes.map(([name, text]) => `- ${name}: ${code(text)}`),
    '',
    '### Codes of errors',
    '',
    markdown([['status', 'code'], ...codes]),
    '',
  ].join('\n')
}

type Shape = readonly [name: string, text: string]

/** Each by the names of those before it. */
function shapesOf(schemas: Readonly<Record<string, z.ZodType>>): readonly Shape[] {
  const shapes: Shape[] = []
  for (const [name, schema] of Object.entries(schemas)) {
    const text = typeText(z.toJSONSchema(schema, { io: 'output' }) as JsonSchema)
    shapes.push([name, withNames(text, shapes)])
  }
  return shapes
}

/** With the names of these shapes where they are spelled out. */
function withNames(text: string, shapes: readonly Shape[]): string {
  return shapes.reduce((shorter, [name, full]) => shorter.replaceAll(full, name), text)
}

async function documentedPaths(): Promise<Paths> {
  // Nothing is asked of a database.
  const config = parseConfig({ ...makeKeys(), DATABASE_URL: 'postgres://127.0.0.1:9/none' })
  const app = await buildApp(config, { log: createLogger({ name: 'reference', level: 'fatal' }) })
  const answer = await app.inject({ url: '/openapi.json' })
  await app.close()
  return answer.json().paths
}

function routeText(method: string, path: string, operation: Operation): string {
  const { summary = '', security, parameters = [], requestBody, responses } = operation
  const body = Object.values(requestBody?.content ?? {})[0]?.schema
  const lines = [
    ...parameters.map(({ name, in: place, required, schema }) => [
      `${place} \`${name}\`${required === true ? '' : ', optional'}`,
      code(typeText(schema)),
    ]),
    ...(body === undefined ? [] : [['body', code(typeText(body))]]),
    ...Object.entries(responses)
      .filter(([status]) => status < '300')
      .map(([status, { content, description = '' }]) => [status, answerText(content, description)]),
  ]
  const refusals = Object.keys(responses).filter((status) => status >= '300')
  return [
    `### ${method.toUpperCase()} ${path}`,
    '',
    `${summary}.${security === undefined ? ' Needs no token.' : ''}`,
    '',
    ...lines.map(([what, text]) => `- ${what}: ${text}`),
    `- else: ${refusals.join(', ')}`,
    '',
  ].join('\n')
}

function answerText(content: Content | undefined, description: string): string {
  const [type, answer] = Object.entries(content ?? {})[0] ?? []
  if (type === undefined || answer === undefined) return description === '' ? 'no body' : description
  const text = code(typeText(answer.schema))
  return type === 'application/json' ? text : `\`${type}\`, ${text}`
}

function code(text: string): string {
  return `\`${text}\``
}
