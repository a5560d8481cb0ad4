/** A process of those who read pages and of newcomers, at a fixed rate whatever becomes of them. */
import { Agent, request } from 'node:http'
import { answerOrders } from '../bench/child.ts'
import { LightSocket } from '../bench/path/light-socket.ts'
import { type Percentiles, percentiles } from '../bench/percentiles.ts'

export interface VisitPlan {
  readonly apiUrl: string
  readonly wsUrl: string
  /** Of those who read the room, in turn: of one user a few requests are answered at a time. */
  readonly tokens: readonly string[]
  readonly roomId: string
}

export type VisitorsOrder =
  | { readonly do: 'start'; readonly plan: VisitPlan }
  /** What was done since the last mark. */
  | { readonly do: 'mark' }
  /** No more is asked; what is under way is waited for. */
  | { readonly do: 'stop' }

/** Milliseconds from when it was due. */
export interface Visits {
  /** A page of history. */
  readonly page: Percentiles
  /** From nothing to `welcome`. */
  readonly welcome: Percentiles
  /** By status, or `lost`. */
  readonly failed: Readonly<Record<string, number>>
}

const PAGE_MS = 25
const WELCOME_MS = 200
/** Each so many pages one comes on a connection of its own. */
const NEW_CONNECTION_EACH = 4
const PATIENCE_MS = 10_000

const kept = new Agent({ keepAlive: true })
let pagesMs: number[] = []
let welcomesMs: number[] = []
let failed: Record<string, number> = {}
const underWay = new Set<Promise<void>>()
let timers: readonly NodeJS.Timeout[] = []

function fail(how: string): void {
  failed[how] = (failed[how] ?? 0) + 1
}

function page({ apiUrl, tokens, roomId }: VisitPlan, nth: number): Promise<void> {
  const { hostname: host, port } = new URL(apiUrl)
  const { promise, resolve } = Promise.withResolvers<void>()
  const askedAtMs = performance.now()
  const agent = nth % NEW_CONNECTION_EACH === 0 ? false : kept
  const headers = { authorization: `Bearer ${tokens[nth % tokens.length]}` }
  const path = `/rooms/${roomId}/messages?limit=50&before=${51 + (nth % 900)}`
  const asked = request({ host, port, path, headers, agent, timeout: PATIENCE_MS }, (answer) => {
    answer.on('end', () => {
      if (answer.statusCode === 200) pagesMs.push(performance.now() - askedAtMs)
      else fail(`page ${answer.statusCode}`)
      resolve()
    })
    answer.resume()
  })
  asked.on('timeout', () => asked.destroy())
  asked.on('error', () => {
    fail('page lost')
    resolve()
  })
  asked.end()
  return promise
}

function welcome({ wsUrl, tokens: [token] }: VisitPlan): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const startedAtMs = performance.now()
  const late = setTimeout(() => end('welcome late'), PATIENCE_MS)
  const socket = new LightSocket(0, new URL(wsUrl), token, {
    opened: () => undefined,
    frame: () => {
      welcomesMs.push(performance.now() - startedAtMs)
      end()
    },
    lost: (_socket, why) => end(`welcome ${why.slice(0, 40)}`),
  })
  const end = (how?: string) => {
    clearTimeout(late)
    if (how !== undefined) fail(how)
    socket.cut()
    resolve()
  }
  return promise
}

function track(work: Promise<void>): void {
  underWay.add(work)
  void work.finally(() => underWay.delete(work))
}

function start(plan: VisitPlan): void {
  let [nth, startedAtMs] = [0, performance.now()]
  const pages = setInterval(() => {
    for (; nth * PAGE_MS < performance.now() - startedAtMs; nth += 1) track(page(plan, nth))
  }, PAGE_MS)
  const welcomes = setInterval(() => track(welcome(plan)), WELCOME_MS)
  timers = [pages, welcomes]
  startedAtMs = performance.now()
}

function mark(): Visits {
  const visits = { page: percentiles(pagesMs), welcome: percentiles(welcomesMs), failed }
  pagesMs = []
  welcomesMs = []
  failed = {}
  return visits
}

async function stop(): Promise<Visits> {
  for (const timer of timers) clearInterval(timer)
  await Promise.all(underWay)
  return mark()
}

answerOrders<VisitorsOrder>((order) => {
  switch (order.do) {
    case 'start':
      return start(order.plan)
    case 'mark':
      return mark()
    case 'stop':
      return stop()
  }
})
