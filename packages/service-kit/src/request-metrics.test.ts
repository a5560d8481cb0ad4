import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { health } from './health.ts'
import { createMetrics } from './metrics.ts'
import { createServer } from './server.ts'

let app: FastifyInstance

beforeAll(async () => {
  const metrics = createMetrics()
  app = await createServer({ log: pino({ level: 'silent' }), isUnavailable: () => false, metrics })
  await app.register(health, { checks: {}, metrics })
  app.get('/things/:id', async () => ({ fine: true }))
})
afterAll(() => app.close())

test('requests are measured by route, and no path makes a series of its own', async () => {
  await app.inject({ url: '/things/7' })
  await app.inject({ url: '/things/8?x=1' })
  await app.inject({ url: '/secret-1' })
  await app.inject({ url: '/secret-2' })
  await app.inject({ method: 'DELETE', url: '/things/7' })
  const { body } = await app.inject({ url: '/metrics' })
  const counts = body
    .split('\n')
    .filter((line) => line.startsWith('roomlog_http_request_duration_seconds_count'))
  expect(counts).toEqual([
    'roomlog_http_request_duration_seconds_count{method="GET",route="/things/:id",status="200"} 2',
    'roomlog_http_request_duration_seconds_count{method="GET",route="none",status="404"} 2',
    'roomlog_http_request_duration_seconds_count{method="DELETE",route="none",status="405"} 1',
  ])
})
