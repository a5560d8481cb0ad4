import Fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { afterEach, describe, expect, test } from 'vitest'
import { type HealthOptions, health } from './health.ts'
import { createMetrics } from './metrics.ts'

const up = async () => undefined
const down = () => Promise.reject(new Error('secret detail'))
const hangs = () => new Promise<void>(() => undefined)

describe('health', () => {
  let app: FastifyInstance

  async function start(
    options: Omit<HealthOptions, 'metrics'>,
    whileClosing?: (url: string) => Promise<void>,
  ): Promise<void> {
    // As the services' own: what comes while it closes is still answered.
    app = Fastify({ return503OnClosing: false })
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
    await app.register(health, { ...options, metrics: createMetrics() })
    let url = ''
    if (whileClosing !== undefined) app.addHook('preClose', () => whileClosing(url))
    url = await app.listen({ host: '127.0.0.1', port: 0 })
  }
  afterEach(() => app.close())

  const get = async (url: string) => {
    const answer = await app.inject({ url })
    return { status: answer.statusCode, body: answer.json() }
  }

  test('is fine while everything answers', async () => {
    await start({ checks: { database: up, redis: up } })
    const checks = { database: 'ok', redis: 'ok' }
    expect(await get('/health')).toEqual({ status: 200, body: { status: 'ok', checks } })
    expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ok' } })
  })

  test('names what fails, and not why', async () => {
    await start({ checks: { database: down, kafka: up, redis: down }, optional: ['redis'] })
    expect(await get('/health')).toEqual({
      status: 503,
      body: { status: 'failing', checks: { database: 'failing', kafka: 'ok', redis: 'failing' } },
    })
    expect(await get('/readyz')).toEqual({ status: 503, body: { status: 'not ready', reason: 'database' } })
    expect(await get('/livez')).toEqual({ status: 200, body: { status: 'ok' } })
  })

  test('goes on without what is optional', async () => {
    await start({ checks: { database: up, redis: down }, optional: ['redis'] })
    expect((await get('/health')).status).toBe(503)
    expect((await get('/readyz')).status).toBe(200)
  })

  test('does not wait for ever for an answer', async () => {
    await start({ checks: { database: up, redis: hangs }, optional: ['redis'] })
    expect(await get('/health')).toMatchObject({
      status: 503,
      body: { checks: { database: 'ok', redis: 'failing' } },
    })
    expect((await get('/readyz')).status).toBe(200)
  })

  test('is not ready for reasons of the service’s own', async () => {
    let reason: string | undefined = 'catching up'
    await start({ checks: { database: up }, notReady: () => reason })
    expect(await get('/readyz')).toEqual({
      status: 503,
      body: { status: 'not ready', reason: 'catching up' },
    })
    reason = undefined
    expect((await get('/readyz')).status).toBe(200)
  })

  test('turns traffic away while it stops, and lives on', async () => {
    const seen: unknown[] = []
    await start({ checks: { database: up } }, async (url) => {
      for (const path of ['readyz', 'livez']) seen.push(await (await fetch(`${url}/${path}`)).json())
    })
    await app.close()
    expect(seen).toEqual([{ status: 'not ready', reason: 'draining' }, { status: 'ok' }])
  })
})
