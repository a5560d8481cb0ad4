import { cpuOf } from '../cpu.ts'
import { type Row, ratioRow } from '../row.ts'

/** What `work`, which is `operations` of something, costs each, in µs of CPU of this process; `user` is its part outside of the kernel. */
export async function costOf(
  operations: number,
  work: () => Promise<void> | void,
): Promise<{ readonly cpu: number; readonly user: number }> {
  const { user, system } = await cpuOf(work)
  return { cpu: (user + system) / operations, user: user / operations }
}

/** How many a second of CPU, where each costs so many µs of it: what one core does at most, whatever its machine does beside. */
export function rateRow(
  about: { readonly id: string; readonly what: string; readonly target: { readonly atLeast: number } },
  limitUs: readonly number[],
  measuredUs: readonly number[],
): Row {
  const perSecond = (us: number) => 1_000_000 / us
  return ratioRow(about, limitUs.map(perSecond), measuredUs.map(perSecond))
}
