import { usedBy } from '../bench/path/saturated.ts'
import { heldBy, metricsOf, residentBytes, sumOf } from '../chaos/memory.ts'
import type { Stack } from '../chaos/stack.ts'

const RESIDENT_MS = 100
const HEAP_MS = 1000
/** What attackers that do not read cannot hear themselves. */
const UNHEARD = [4408, 4409]

export interface Memory {
  /** Bytes. */
  readonly before: number
  readonly peak: number
  readonly after: number
}

/** What was seen of a Roomlog while it was attacked. */
export interface Seen {
  readonly resident: Memory
  /** Of V8; `before` and `after` with what is outside of it, right after a collection of garbage. */
  readonly heap: Memory
  /** µs of all services and servers, of the time of the attack. */
  readonly cpu: number
  /** Answers of 500 and above but 503. */
  readonly faults: number
  /** As in `edge closed 4408`. */
  readonly unheard: Readonly<Record<string, number>>
}

/** Looks at a Roomlog, at the memory of one service above all. */
export class Watch {
  readonly #stack: Stack
  readonly #service: string
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #before: Figures
  #residentPeak = 0
  #heapPeak = 0
  #cpu = 0

  private constructor(stack: Stack, service: string, before: Figures) {
    this.#stack = stack
    this.#service = service
    this.#before = before
    this.#timers = [
      setInterval(() => this.#lookAtResident(), RESIDENT_MS),
      setInterval(() => void this.#lookAtHeap(), HEAP_MS),
    ]
  }

  static async begin(stack: Stack, service: string): Promise<Watch> {
    return new Watch(stack, service, await figuresOf(stack, service))
  }

  async attackBegins(): Promise<void> {
    this.#cpu = -(await cpuOf(this.#stack))
  }

  async attackEnded(): Promise<void> {
    this.#cpu += await cpuOf(this.#stack)
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Once all is quiet again. */
  async end(): Promise<Seen> {
    const [before, after] = [this.#before, await figuresOf(this.#stack, this.#service)]
    const unheard = UNHEARD.map((code, i) => [
      `edge closed ${code}`,
      (after.closed[i] ?? 0) - (before.closed[i] ?? 0),
    ])
    return {
      resident: { before: before.resident, peak: this.#residentPeak, after: after.resident },
      heap: { before: before.held, peak: this.#heapPeak, after: after.held },
      cpu: this.#cpu,
      faults: after.faults - before.faults,
      unheard: Object.fromEntries(unheard.filter(([, times]) => times !== 0)),
    }
  }

  #lookAtResident(): void {
    this.#residentPeak = Math.max(this.#residentPeak, residentBytes(this.#stack.pidOf(this.#service)))
  }

  async #lookAtHeap(): Promise<void> {
    const used = /^nodejs_heap_size_used_bytes (\d+)/m.exec(await metricsOf(this.#stack, this.#service))
    this.#heapPeak = Math.max(this.#heapPeak, Number(used?.[1] ?? 0))
  }
}

type Figures = Awaited<ReturnType<typeof figuresOf>>

/** The heap first, which collects what is garbage. */
async function figuresOf(stack: Stack, service: string) {
  const held = (await heldBy(stack, [service])) ?? Number.NaN
  const faults = await sumOf(stack, ['api', ...stack.edges], (series) =>
    /^roomlog_http_request_duration_seconds_count\{.*status="5(?!03)/.test(series),
  )
  const closed: number[] = []
  for (const code of UNHEARD) {
    const series = `roomlog_edge_closes_total{code="${code}"}`
    closed.push(await sumOf(stack, stack.edges, (name) => name === series))
  }
  return { held, resident: residentBytes(stack.pidOf(service)), faults, closed }
}

async function cpuOf(stack: Stack): Promise<number> {
  const pids = [
    ...stack.names.map((name) => stack.pidOf(name)),
    stack.servers.postgres.pid,
    stack.servers.redis?.pid,
    ...(stack.servers.kafka?.nodes.map(({ pid }) => pid) ?? []),
  ].filter((pid) => pid !== undefined)
  const used = await usedBy(Object.fromEntries(pids.map((pid) => [pid, pid])))
  return Object.values(used).reduce((sum, us) => sum + us, 0)
}
