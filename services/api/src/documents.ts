import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { METHODS_WITHOUT_BODY, NO_BODY, refusals } from './routes/answers.ts'

const DESCRIPTION = `Chat in which every room is a log.

Of every error \`code\` is one of a closed list, and \`requestId\` is what the header \`x-request-id\` has. A path that is
none here answers 404 \`not_found\`; with a method that it does not take, 405 \`method_not_allowed\` and those it takes in
\`allow\`.`

/** What every route can answer, mostly before it is asked at all. */
const OF_EVERY_ROUTE = refusals('validation_failed', 'request_timeout', 'headers_too_large')
/** A body is read also where none is wanted. */
const OF_METHODS_WITH_BODY = refusals('too_large', 'unsupported_media_type')

type Described = Parameters<typeof jsonSchemaTransform>[0]

function withAnswersOfAll({ schema, route, ...rest }: Described): ReturnType<typeof jsonSchemaTransform> {
  const takesBody = [route.method].flat().some((method) => !METHODS_WITHOUT_BODY.includes(method))
  const ofAll = { ...OF_EVERY_ROUTE, ...(takesBody ? OF_METHODS_WITH_BODY : {}) }
  const response = { ...ofAll, ...(schema?.response as object | undefined) }
  // That no body is wanted is told by its absence.
  const { body, ...others } = schema ?? {}
  const wanted = body === undefined || body === NO_BODY ? others : { ...others, body }
  return jsonSchemaTransform({ ...rest, route, schema: { ...wanted, response } })
}

/** `/openapi.json` and `/docs`, from the schemas the routes validate with. */
export const documents = fp(async (app: FastifyInstance) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Roomlog', version: '0.1.0', description: DESCRIPTION },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    transform: withAnswersOfAll,
    transformObject: jsonSchemaTransformObject,
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
})
