import Fastify from 'fastify'
import { beforeAll, describe, expect, test } from 'vitest'
import { knownRoutes } from './known-routes.ts'

describe('the methods that a path takes', () => {
  const app = Fastify()
  const methodsOf = knownRoutes(app)

  beforeAll(async () => {
    const handler = async () => 'ok'
    app.get('/things', handler)
    app.post('/things', handler)
    app.route({ method: ['PUT', 'DELETE'], url: '/things/:id', handler })
    app.get('/things/:id/parts/:part', handler)
    app.get('/things/new', handler)
    app.put('/things/new', handler)
    app.get('/files/*', handler)
    await app.register(async (inner) => inner.post('/mine', handler), { prefix: '/things/of' })
    await app.ready()
  })

  test.each([
    ['/things', ['GET', 'HEAD', 'POST']],
    ['/things/7', ['DELETE', 'PUT']],
    ['/things/new', ['DELETE', 'GET', 'HEAD', 'PUT']],
    ['/things/7/parts/x', ['GET', 'HEAD']],
    ['/things/of/mine', ['POST']],
    ['/%74hings', ['GET', 'HEAD', 'POST']],
    ['/things/a%2Fb', ['DELETE', 'PUT']],
    ['/things/%zz', ['DELETE', 'PUT']],
    ['/things%2F7', []],
    ['/things/', []],
    ['/things/7/', []],
    ['/things/7/parts', []],
    ['/thing', []],
    ['/', []],
    ['', []],
    ['/files/x', []],
    ['/__proto__', []],
  ])('%s: %j', (path, methods) => {
    expect(methodsOf(path).toSorted()).toEqual(methods)
  })
})
