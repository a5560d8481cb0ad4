import { ERROR_STATUS, newId } from '@roomlog/protocol'
import { suiteOn, tableDigests } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import {
  ACCESS,
  ASKERS,
  type Asker,
  CASES,
  type Case,
  FOREIGN,
  type Known,
  NAMES_NOTHING,
  type Outcome,
  PLACES,
  type Place,
  SWEPT_ELSEWHERE,
} from './access-table.ts'
import { type AccessWorld, accessWorlds, CANARY, knownTo } from './access-world.ts'
import { documentedPaths } from './contract.ts'
import type { Operation } from './openapi-cases.ts'
import { type Answer, ask, expectRefusal, type Person, type TestDatabase, withApi } from './support.ts'

const INSIDE: readonly Asker[] = ['member', 'owner', 'loggedOut']
const paths = await documentedPaths()
const operations: readonly (readonly [name: string, operation: Operation])[] = Object.entries(paths).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, it]) => [`${method} ${path}`, it] as const),
)
const cases = operations.flatMap(([name]) => casesOf(name).map((it) => [name, it] as const))
const foreign = operations.flatMap(([name, operation]) =>
  namesIn(operation)
    .filter((field) => FOREIGN[field] !== undefined)
    .map((field) => [name, field] as const),
)

function casesOf(name: string): readonly Case[] {
  return [CASES[name] ?? []].flat()
}

/** Of an operation's parameters, and of its body's fields. */
function namesIn({ parameters = [], requestBody }: Operation): readonly string[] {
  const fields = requestBody?.content['application/json']?.schema.properties ?? {}
  return [...parameters.map(({ name }) => name), ...Object.keys(fields)]
}

suiteOn(['postgres'], 'access', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let newWorld: () => Promise<AccessWorld>
  /** For what changes nothing. */
  let still: AccessWorld

  withApi(async (api) => {
    ;({ database, app } = api)
    newWorld = await accessWorlds(app, database)
    still = await newWorld()
  })

  const everything = () => tableDigests(database.url, ['chat', 'engine'])

  async function answerTo(
    name: string,
    { query = {}, body, userId }: Case,
    as: Person | undefined,
    known: Known,
  ): Promise<Answer> {
    const [method = '', path = ''] = name.split(' ')
    const filled = path.replace('{roomId}', known.roomId).replace('{userId}', userId ?? known.userId)
    const values = Object.entries(query).map(([key, value]) => [key, value(known)] as [string, string])
    const url = values.length === 0 ? filled : `${filled}?${new URLSearchParams(values)}`
    return ask(app, `${method.toUpperCase()} ${url}`, {
      ...(as === undefined ? {} : { as }),
      ...(body === undefined ? {} : { body: body(known) }),
    })
  }

  test('is told of every operation, and of nothing else', () => {
    expect(Object.keys(CASES).toSorted()).toEqual(operations.map(([name]) => name).toSorted())
  })

  test('is told of every parameter and field', () => {
    const named = new Set(operations.flatMap(([, operation]) => namesIn(operation)))
    const told = [...NAMES_NOTHING, ...SWEPT_ELSEWHERE, ...Object.keys(FOREIGN)]
    expect([...named].toSorted()).toEqual(told.toSorted())
  })

  test('wants a token where the documents say so', () => {
    for (const [name, operation] of operations) {
      for (const { access } of casesOf(name)) {
        const isOpen = access === 'anybody' || access === 'session'
        expect([name, operation.security !== undefined]).toEqual([name, !isOpen])
      }
    }
  })

  test('is had by no route besides the documented, the page’s files and the documents themselves', () => {
    const served = routesOf(app.printRoutes({ commonPrefix: false }))
    const documented = Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'))
    const besides = served.filter((path) => !documented.includes(path))
    const known = /^\/?(\*|openapi\.json|docs(\/.*)?|assets\/\*|[\w-]+\.\w+)?$/
    expect(besides.filter((path) => !known.test(path))).toEqual([])
    expect(served).toEqual(expect.arrayContaining(documented))
  })

  describe.each(cases)('to %s, %j', (name, it) => {
    const isOfRooms = name.includes('{roomId}')
    const outcomeOf = (asker: Asker, place: Place): Outcome => ACCESS[it.access][asker][place]
    const all = (isOfRooms ? PLACES : (['public'] as const)).flatMap((place) =>
      ASKERS.map((asker) => ({ asker, place, outcome: outcomeOf(asker, place) })),
    )
    const answerIn = (world: AccessWorld, asker: Asker, place: Place) => {
      const as = asker === 'nobody' ? undefined : world.people[asker]
      return answerTo(name, it, as, knownTo(asker, place, world))
    }

    test('is refused to whom it is none of, and then changes nothing', async () => {
      const before = await everything()
      const told = new Map<string, object>()
      for (const { asker, place, outcome } of all) {
        if (outcome === 'ok') continue
        const answer = await answerIn(still, asker, place)
        expect({ asker, place, code: answer.body.error?.code }).toEqual({ asker, place, code: outcome })
        expectRefusal(answer, ERROR_STATUS[outcome], outcome)
        expect(JSON.stringify(answer.body)).not.toContain(CANARY)
        told.set(`${asker} ${place}`, toldBy(answer))
      }
      expect(await everything()).toEqual(before)
      // To whoever is no member a private room is one that never was: nothing in the answer differs.
      for (const asker of ASKERS.filter((one) => !INSIDE.includes(one))) {
        expect([asker, told.get(`${asker} private`)]).toEqual([asker, told.get(`${asker} absent`)])
      }
    })

    test('is given to all others', async () => {
      const changes = !name.startsWith('get ')
      let world = changes ? await newWorld() : still
      for (const { asker, place, outcome } of all) {
        if (outcome !== 'ok') continue
        const { status, body } = await answerIn(world, asker, place)
        expect({ asker, place, body, isDone: status < 300 }).toEqual({ asker, place, body, isDone: true })
        if (!INSIDE.includes(asker)) expect(JSON.stringify(body)).not.toContain(CANARY)
        // What askers do to accounts and sessions of their own is nothing to the others.
        if (changes && isOfRooms) world = await newWorld()
      }
    })
  })

  test.each(foreign)('to %s is no way to another room by its %s', async (name, field) => {
    const other = await newWorld()
    const code = FOREIGN[field] ?? expect.fail()
    const own = knownTo('owner', 'private', still)
    const isNamed = ({ query, body }: Case) => field === 'userId' || field in { ...query, ...body?.(own) }
    const asked = casesOf(name).find(isNamed) ?? expect.fail()
    const before = await everything()
    const told = new Set<string>()
    for (const { messageId } of [other.rooms.private, other.rooms.public, { messageId: newId() }]) {
      for (const userId of [other.userId, other.people.deleted.id, newId()]) {
        const answer = await answerTo(name, asked, still.people.owner, { ...own, userId, messageId })
        expectRefusal(answer, ERROR_STATUS[code], code)
        told.add(JSON.stringify(toldBy(answer)))
      }
    }
    expect(told.size).toBe(1)
    expect(await everything()).toEqual(before)
  })
})

/** All of a refusal but what is another for each request. */
function toldBy({ status, body, headers }: Answer): object {
  const { 'x-request-id': _id, date: _date, ...others } = headers
  const { requestId: _requestId, ...error } = body.error
  return { status, error, headers: others }
}

/** The paths in Fastify's drawing of its routes: each line is a part, as deep as it is indented. */
function routesOf(drawing: string): readonly string[] {
  const above: string[] = []
  return drawing.split('\n').flatMap((line) => {
    const found = /^((?:│ {3}| {4})*)[├└]── (\S+)(?: \((.*)\))?$/.exec(line)
    if (found === null) return []
    const [, indent = '', part = '', methods] = found
    const depth = indent.length / 4
    above.splice(depth, above.length, part)
    return methods === undefined ? [] : [above.join('').replaceAll('//', '/')]
  })
}
