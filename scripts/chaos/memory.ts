import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from './stack.ts'

const COLLECT_MS = 400
const USED = /^(nodejs_heap_size_used_bytes|nodejs_external_memory_bytes) (\S+)$/gm

/** Bytes in use of each service after a collection of garbage; without those that do not answer. */
export async function memoryOf(stack: Stack): Promise<ReadonlyMap<string, number>> {
  const used = new Map<string, number>()
  // One that has not begun to listen for the signal would end by it.
  for (const name of stack.names) if (await stack.isReady(name)) stack.signal(name, 'SIGUSR2')
  await sleep(COLLECT_MS)
  for (const name of stack.names) {
    const text = await metricsOf(stack, name)
    const bytes = [...text.matchAll(USED)].reduce((sum, [, , value]) => sum + Number(value), 0)
    if (bytes > 0) used.set(`${name} (${stack.pidOf(name)})`, bytes)
  }
  return used
}

/** Bytes in use of all edges together, after a collection of garbage. */
export async function heldByEdges(stack: Stack): Promise<number> {
  const used = await memoryOf(stack)
  const edges = stack.edges.map((name) => used.get(`${name} (${stack.pidOf(name)})`) ?? 0)
  return edges.reduce((sum, bytes) => sum + bytes, 0)
}

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
export async function sumOfEdges(stack: Stack, metric: string): Promise<number> {
  const texts = await Promise.all(stack.edges.map((name) => metricsOf(stack, name)))
  if (texts.includes('')) return Number.NaN
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line.startsWith(`${metric} `)))
  return lines.reduce((sum, line) => sum + Number(line.slice(metric.length)), 0)
}

const PAGE_BYTES = 4096

/** Resident memory of all edges together, as the system counts it; 0 for one between two lives. */
export function edgeBytes(stack: Stack): number {
  return stack.edges.reduce((sum, name) => sum + residentBytes(stack.pidOf(name)), 0)
}

function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
