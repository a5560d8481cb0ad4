import { healthAnswerSchema } from '@roomlog/protocol'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import { gauge, type Registry } from './metrics.ts'
import { within } from './within.ts'

export interface HealthOptions {
  /** What the service depends on; each rejects, in bounded time, while the dependency is away. */
  readonly checks: Readonly<Record<string, () => Promise<void>>>
  /** Checks that chat goes on without: named by `/health`, ignored by `/readyz`. */
  readonly optional?: readonly string[]
  /** Why no traffic should come yet or any more; undefined when it may. */
  readonly notReady?: () => string | undefined
  readonly metrics: Registry
}

const CHECK_TIMEOUT_MS = 3_000

/** `/health` for people and monitors, `/livez` and `/readyz` for orchestrators, `/metrics` for Prometheus. */
export const health = fp(async (app: FastifyInstance, options: HealthOptions) => {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })

  const reasonNotReady = () => (closing ? 'draining' : options.notReady?.())
  gauge(
    options.metrics,
    'roomlog_ready',
    '1 while the service takes traffic, whether or not what it depends on answers',
    () => (reasonNotReady() === undefined ? 1 : 0),
  )
  gauge(options.metrics, 'roomlog_draining', '1 from the signal to stop on', () => (closing ? 1 : 0))

  app.get('/health', { schema: SCHEMAS.health }, async (_request, reply) => {
    const checks = await runChecks(app, options.checks)
    const ok = Object.values(checks).every((result) => result === 'ok')
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'failing', checks })
  })
  app.get('/livez', { schema: SCHEMAS.livez }, async () => ({ status: 'ok' }))
  app.get('/readyz', { schema: SCHEMAS.readyz }, async (_request, reply) => {
    const reason = reasonNotReady() ?? (await firstFailing())
    return reason === undefined ? { status: 'ok' } : reply.code(503).send({ status: 'not ready', reason })
  })
  app.get('/metrics', { schema: SCHEMAS.metrics }, async (_request, reply) => {
    reply.type(options.metrics.contentType)
    return options.metrics.metrics()
  })

  async function firstFailing(): Promise<string | undefined> {
    const needed = Object.entries(options.checks).filter(([name]) => !options.optional?.includes(name))
    const checks = await runChecks(app, Object.fromEntries(needed))
    return Object.keys(checks).find((name) => checks[name] !== 'ok')
  }
})

const okSchema = z.object({ status: z.literal('ok') })
const SCHEMAS = {
  health: {
    summary: 'How the service and what it depends on are, for people and monitors',
    response: { 200: healthAnswerSchema, 503: healthAnswerSchema },
  },
  livez: { summary: 'Whether the process answers', response: { 200: okSchema } },
  readyz: {
    summary: 'Whether traffic may come',
    response: { 200: okSchema, 503: z.object({ status: z.literal('not ready'), reason: z.string() }) },
  },
  metrics: {
    summary: 'Figures for Prometheus',
    response: { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } } },
  },
}

async function runChecks(
  app: FastifyInstance,
  checks: HealthOptions['checks'],
): Promise<Record<string, 'ok' | 'failing'>> {
  const results = Object.entries(checks).map(async ([name, check]) => {
    try {
      await within(CHECK_TIMEOUT_MS, check())
      return [name, 'ok'] as const
    } catch (error) {
      app.log.warn({ err: error, dependency: name }, 'health check failed')
      return [name, 'failing'] as const
    }
  })
  return Object.fromEntries(await Promise.all(results))
}
