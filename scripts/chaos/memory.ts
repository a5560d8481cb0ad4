import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Stack } from './stack.ts'
import { until } from './until.ts'

const PATIENCE_MS = 5_000

/** Bytes in use of each service right after a collection of garbage; without those that do not answer. */
export async function memoryOf(
  stack: Stack,
  names: readonly string[] = stack.names,
): Promise<ReadonlyMap<string, number>> {
  const all = await Promise.all(names.map(async (name) => [labelOf(stack, name), await bytesOf(stack, name)]))
  return new Map(all.filter((it): it is [string, number] => it[1] !== undefined))
}

async function bytesOf(stack: Stack, name: string): Promise<number | undefined> {
  // One that has not begun to listen for the signal would end by it.
  if (!(await stack.isReady(name))) return undefined
  const file = stack.specOf(name).env.ROOMLOG_MEMORY_FILE ?? ''
  rmSync(file, { force: true })
  stack.signal(name, 'SIGUSR2')
  const written = until(`memory of ${name}`, () => existsSync(file), PATIENCE_MS)
  return written.then(
    () => Number(readFileSync(file, 'utf8')),
    () => undefined,
  )
}

const labelOf = (stack: Stack, name: string) => `${name} (${stack.pidOf(name)})`

/** Bytes in use of these services together, right after a collection of garbage; undefined where one does not answer. */
export async function heldBy(stack: Stack, names: readonly string[]): Promise<number | undefined> {
  const used = await memoryOf(stack, names)
  if (used.size < names.length) return undefined
  return [...used.values()].reduce((sum, bytes) => sum + bytes, 0)
}

export const heldByEdges = (stack: Stack): Promise<number | undefined> => heldBy(stack, stack.edges)

/** Empty where the service does not answer. */
export async function metricsOf(stack: Stack, name: string): Promise<string> {
  const { port } = stack.specOf(name)
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2_000) })
    return await answer.text()
  } catch {
    return ''
  }
}

/** Of all edges together, by the metric's name with its labels; NaN, which is within no bound, where one does not answer. */
export function sumOfEdges(stack: Stack, metric: string): Promise<number> {
  return sumOf(stack, stack.edges, (name) => name === metric)
}

/** Of these services together, all series that are asked for by their name with labels; NaN where one does not answer. */
export async function sumOf(
  stack: Stack,
  services: readonly string[],
  isAsked: (series: string) => boolean,
): Promise<number> {
  const texts = await Promise.all(services.map((name) => metricsOf(stack, name)))
  if (texts.includes('')) return Number.NaN
  const samples = texts
    .flatMap((text) => text.split('\n'))
    .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' '))] as const)
  return samples.filter(([series]) => isAsked(series)).reduce((sum, [, value]) => sum + Number(value), 0)
}

const PAGE_BYTES = 4096

/** Resident memory of all edges together, as the system counts it; 0 for one between two lives. */
export function edgeBytes(stack: Stack): number {
  return stack.edges.reduce((sum, name) => sum + residentBytes(stack.pidOf(name)), 0)
}

/** As the system counts it; 0 where there is no such process. */
export function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
