import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { expect, test } from 'vitest'
import { type Person, withApi } from './support.ts'

/** Theirs is whoever monitors. */
const OPERATIONAL = ['/health', '/livez', '/readyz', '/metrics']
const WITH_BODY = ['POST', 'PATCH', 'PUT', 'DELETE']

suiteOn(['postgres'], 'what no schema names', () => {
  let app: FastifyInstance
  let ada: Person
  let operations: readonly { readonly method: string; readonly path: string }[]

  withApi(async (api) => {
    ;({ app, ada } = api)
    const { paths } = (await app.inject({ url: '/openapi.json' })).json()
    operations = Object.entries(paths as Record<string, object>)
      .filter(([path]) => !OPERATIONAL.includes(path))
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
      )
  })

  async function refusalOf(operation: (typeof operations)[number], changes: Partial<InjectOptions>) {
    const url = operation.path.replaceAll(/\{[^}]+\}/g, () => newId())
    const headers = { authorization: `Bearer ${ada.token}` }
    const answer = await app.inject({ method: operation.method as 'GET', url, headers, ...changes })
    return { ...operation, status: answer.statusCode, code: answer.json().error?.code }
  }

  test('is refused in the query of every route', async () => {
    expect(operations.length).toBeGreaterThan(15)
    for (const operation of operations) {
      const asked = { query: { unknown: '1' }, ...(operation.method === 'POST' ? { payload: {} } : {}) }
      expect(await refusalOf(operation, asked)).toEqual({
        ...operation,
        status: 400,
        code: 'validation_failed',
      })
    }
  })

  test('is refused in the body of every route that could have one', async () => {
    for (const operation of operations.filter(({ method }) => WITH_BODY.includes(method))) {
      const refusal = await refusalOf(operation, { payload: { unknown: 1 } })
      expect(refusal).toEqual({ ...operation, status: 400, code: 'validation_failed' })
    }
  })
})
