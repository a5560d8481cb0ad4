import { expect, test } from 'vitest'
import { type Costs, MACHINES, plan, wallsOf } from './plan.ts'

const COSTS: Costs = {
  edge: { socketBytes: 10_000, socketSecond: 4, send: 100, delivery: 10, read: 20 },
  persister: { message: 100 },
  postgres: { message: 300 },
  kafka: { message: 100 },
  messageBytes: 500,
}

test('a small system is one of each, and what Kafka needs to lose none', () => {
  expect(plan({ users: 100, messagesPerSecond: 1, fanOut: 10 }, COSTS)).toEqual({
    edges: 1,
    persisters: 1,
    partitions: 12,
    brokers: 3,
    postgresCores: 1,
    walls: [],
  })
})

test('an edge has less for its own sockets the more it reads of others’', () => {
  // 10,000 × (100 + 20 × 10) µs a second of own work, and 0.6 s − 10,000 × 20 µs of an edge for it.
  expect(plan({ users: 0, messagesPerSecond: 10_000, fanOut: 20 }, COSTS).edges).toBe(8)
})

test('many idle sockets take CPU, or memory where there is less of it', () => {
  const demand = { users: 10_000_000, messagesPerSecond: 0, fanOut: 0 }
  expect(plan(demand, COSTS).edges).toBe(Math.ceil((10_000_000 * 4) / 600_000))
  const small = { ...MACHINES, edgeMemoryBytes: 1_000_000_000 }
  expect(plan(demand, COSTS, small).edges).toBe(100)
})

test('what no machine helps is named', () => {
  const walls = wallsOf(COSTS)
  expect(walls).toEqual({ 'every edge reads all messages': 30_000, 'one PostgreSQL primary': 32_000 })
  expect(plan({ users: 1, messagesPerSecond: 29_000, fanOut: 1 }, COSTS).walls).toEqual([])
  expect(plan({ users: 1, messagesPerSecond: 31_000, fanOut: 1 }, COSTS)).toMatchObject({
    edges: Number.POSITIVE_INFINITY,
    walls: ['every edge reads all messages'],
  })
  expect(plan({ users: 1, messagesPerSecond: 33_000, fanOut: 1 }, COSTS).walls).toContain(
    'one PostgreSQL primary',
  )
})
