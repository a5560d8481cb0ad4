import { percentiles } from '../percentiles.ts'
import type { LoadEnd, LoadMark } from './load-orders.ts'

interface Flight {
  readonly sentAtMs: number
  /** Sockets that do not have it yet. */
  left: number
  isAcked: boolean
}

/** Messages by number, from their send until they are acknowledged and everybody has them. */
export class Flights {
  readonly #flights = new Map<number, Flight>()
  #next = 0
  #refused: Record<string, number> = {}
  #acked = 0
  #done = 0
  #deliveries = 0
  #ackMs: number[] = []
  #deliveredMs: number[] = []
  #markedAtMs = performance.now()
  #cpu = process.cpuUsage()

  /** Under way. */
  get size(): number {
    return this.#flights.size
  }

  /** The number that `begin` gives next. */
  get next(): number {
    return this.#next
  }

  /** One that so many sockets are to hear. */
  begin(left: number): number {
    const number = this.#next
    this.#next += 1
    this.#flights.set(number, { sentAtMs: performance.now(), left, isAcked: false })
    return number
  }

  /** By one socket; true when that was the end of it. */
  heard(number: number): boolean {
    this.#deliveries += 1
    const flight = this.#flights.get(number)
    if (flight === undefined) return false
    flight.left -= 1
    if (flight.left > 0) return false
    this.#deliveredMs.push(performance.now() - flight.sentAtMs)
    return this.#landIfDone(number, flight)
  }

  /** True when that was the end of it. */
  acked(number: number): boolean {
    const flight = this.#flights.get(number)
    if (flight === undefined) return false
    flight.isAcked = true
    this.#acked += 1
    this.#ackMs.push(performance.now() - flight.sentAtMs)
    return this.#landIfDone(number, flight)
  }

  refused(number: number, code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1
    this.#flights.delete(number)
  }

  #landIfDone(number: number, { left, isAcked }: Flight): boolean {
    if (left > 0 || !isAcked) return false
    this.#flights.delete(number)
    this.#done += 1
    return true
  }

  /** What was done since the last mark. */
  mark(): LoadMark {
    const nowMs = performance.now()
    const { user, system } = process.cpuUsage(this.#cpu)
    const mark = {
      ms: nowMs - this.#markedAtMs,
      acked: this.#acked,
      done: this.#done,
      deliveries: this.#deliveries,
      ack: percentiles(this.#ackMs),
      delivered: percentiles(this.#deliveredMs),
      cpu: user + system,
    }
    this.#markedAtMs = nowMs
    this.#cpu = process.cpuUsage()
    this.#acked = 0
    this.#done = 0
    this.#deliveries = 0
    this.#ackMs = []
    this.#deliveredMs = []
    return mark
  }

  /** Gives up what is still under way. */
  end(): Pick<LoadEnd, 'lost' | 'refused'> {
    const end = { lost: this.#flights.size, refused: this.#refused }
    this.#flights.clear()
    this.#refused = {}
    return end
  }
}
