import type { IncomingMessage, ServerResponse } from 'node:http'
import { ERROR_STATUS, type ErrorCode, errorSchema } from '@roomlog/protocol'
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Services } from '../app.ts'

/** Above the database's own bound on a statement, which tells more; a request of several statements ends here. */
export const ANSWER_TIMEOUT_MS = 5_250

/** A server whose routes take their types from Zod schemas. */
export type Routes = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** A plugin of routes. Each refuses what its schema does not name, also where it names nothing. */
export function routes(add: (app: Routes, services: Services) => void): FastifyPluginAsync<Services> {
  return async (app, services) => {
    app.addHook('onRoute', (route) => {
      const body = METHODS_WITHOUT_BODY.includes(String(route.method)) ? {} : { body: NO_BODY }
      route.schema = { querystring: NO_QUERY, ...body, ...route.schema }
    })
    add(app.withTypeProvider<ZodTypeProvider>(), services)
  }
}

const NO_QUERY = z.strictObject({})
/** Some clients send `{}` with every call. */
export const NO_BODY = z.strictObject({}).nullish()
export const METHODS_WITHOUT_BODY: readonly string[] = ['GET', 'HEAD']

/** The error answers a route documents, by the codes it refuses with; what every route can answer is added. */
export function refusals(...codes: readonly ErrorCode[]): Record<number, typeof errorSchema> {
  // Whoever shows a token may show it too often.
  const limited: readonly ErrorCode[] = codes.includes('unauthenticated') ? ['rate_limited'] : []
  const all: readonly ErrorCode[] = [...codes, ...limited, 'internal', 'unavailable']
  return Object.fromEntries(all.map((code) => [ERROR_STATUS[code], errorSchema]))
}

/** What a route documents that answers 204. */
export const NO_CONTENT = z.null().describe('Done')

/** For the `schema` of routes that want a token. */
export const BEARER = [{ bearer: [] }]
